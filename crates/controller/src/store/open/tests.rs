//! Stores of earlier versions, with something in them, are brought up to date and lose nothing.

use std::path::Path;

use sqlx::migrate::Migrate;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, Row};

use super::{FILE_NAME, MIGRATIONS};
use crate::store::Store;

/// A store as it was before a migration, with this in it.
async fn before(directory: &Path, migration: i64, rows: &str) {
    const TABLE: &str = "_sqlx_migrations";
    let mut connection = SqliteConnectOptions::new()
        .filename(directory.join(FILE_NAME))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .foreign_keys(true)
        .connect()
        .await
        .unwrap();
    connection.ensure_migrations_table(TABLE).await.unwrap();
    assert!(MIGRATIONS.version_exists(migration));
    for earlier in MIGRATIONS.iter().filter(|it| it.version < migration) {
        connection.apply(TABLE, earlier).await.unwrap();
    }
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// The rows that a query gives, each as one text.
async fn texts(store: &Store, query: &'static str) -> Vec<String> {
    let mut read = store.read().await.unwrap();
    let rows = sqlx::query(query).fetch_all(&mut *read).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn api_clients_keep_their_credentials_when_certificates_come_to_them() {
    let directory = tempfile::tempdir().unwrap();
    let rows = "
        INSERT INTO accounts VALUES ('A-1', 'one', 1);
        INSERT INTO api_clients (id, account_id, name, kind, role, token_hash, created_at, created_by)
            VALUES ('c1', 'A-1', 'bearer', 'BEARER', 'admin', x'01ff', 2, 'me');
        INSERT INTO api_clients (id, account_id, name, kind, role, client_token, access_token, sealed_secret, created_at, created_by,
            revoked_at, revoked_by) VALUES ('c2', 'A-1', 'edgegrid', 'EDGEGRID', 'viewer', 'ct', 'at', x'02', 3, 'me', 4, 'you');";
    before(directory.path(), 31, rows).await;
    let (store, _lock) = Store::open(directory.path()).await.unwrap();
    let clients = texts(
        &store,
        "SELECT json_array(id, account_id, name, kind, role, hex(token_hash), client_token, access_token, hex(sealed_secret), created_at,
             created_by, revoked_at, revoked_by, certificate, subject) FROM api_clients ORDER BY id",
    );
    assert_eq!(
        clients.await,
        [
            r#"["c1","A-1","bearer","BEARER","admin","01FF",null,null,"",2,"me",null,null,null,null]"#,
            r#"["c2","A-1","edgegrid","EDGEGRID","viewer","","ct","at","02",3,"me",4,"you",null,null]"#,
        ]
    );
}

#[tokio::test]
async fn deployments_and_what_they_hold_stay_when_properties_come_to_them() {
    let directory = tempfile::tempdir().unwrap();
    let rows = "
        INSERT INTO accounts VALUES ('A-1', 'one', 1);
        INSERT INTO edge_certificates (id, account_id, name, name_key, version, settings, created_at, created_by)
            VALUES (7, 'A-1', 'www', 'www', 1, '{}', 1, 'me');
        INSERT INTO sites (id, account_id, name, name_key, version, settings, created_at, created_by)
            VALUES (3, 'A-1', 'Shop', 'shop', 2, '{}', 1, 'me');
        INSERT INTO deployments (id, account_id, kind, subject_id, subject_name, version, network, action, status, percent, body, created_at,
            created_by, modified_at, failure_reason) VALUES
            (1, 'A-1', 'EDGE_CERTIFICATE', 7, 'www', 1, 'STAGING', 'DEPLOY', 'COMPLETE', 100, '{\"key_pairs\":[1]}', 5, 'me', 6, NULL),
            (2, 'A-1', 'SITE', 3, 'Shop', 1, 'STAGING', 'DEPLOY', 'COMPLETE', 100, '{}', 7, 'me', 8, NULL),
            (3, 'A-1', 'SITE', 3, 'Shop', 2, 'STAGING', 'DEPLOY', 'FAILED', 50, '{}', 9, 'me', 10, 'a node refused'),
            (4, 'A-1', 'SITE', 3, 'Shop', 2, 'PRODUCTION', 'DEPLOY', 'IN_PROGRESS', 0, '{}', 11, 'me', NULL, NULL);
        INSERT INTO deployed VALUES ('EDGE_CERTIFICATE', 7, 'STAGING', 1), ('SITE', 3, 'STAGING', 2);
        INSERT INTO site_hostnames VALUES ('STAGING', 'www.a.test', 3), ('STAGING', '*.a.test', 3), ('PRODUCTION', 'www.a.test', 3);
        INSERT INTO site_edge_certificates VALUES ('STAGING', 7, 3), ('PRODUCTION', 7, 3);";
    before(directory.path(), 40, rows).await;
    let (store, _lock) = Store::open(directory.path()).await.unwrap();
    let deployments = texts(
        &store,
        "SELECT json_array(id, account_id, kind, subject_id, subject_name, version, network, action, status, percent, body, created_at,
             created_by, modified_at, failure_reason, change_set) FROM deployments ORDER BY id",
    );
    assert_eq!(
        deployments.await,
        [
            r#"[1,"A-1","EDGE_CERTIFICATE",7,"www",1,"STAGING","DEPLOY","COMPLETE",100,"{\"key_pairs\":[1]}",5,"me",6,null,null]"#,
            r#"[2,"A-1","SITE",3,"Shop",1,"STAGING","DEPLOY","COMPLETE",100,"{}",7,"me",8,null,null]"#,
            r#"[3,"A-1","SITE",3,"Shop",2,"STAGING","DEPLOY","FAILED",50,"{}",9,"me",10,"a node refused",null]"#,
            r#"[4,"A-1","SITE",3,"Shop",2,"PRODUCTION","DEPLOY","IN_PROGRESS",0,"{}",11,"me",null,null,null]"#,
        ]
    );
    let deployed =
        "SELECT json_array(kind, subject_id, network, deployment_id) FROM deployed ORDER BY 1";
    assert_eq!(
        texts(&store, deployed).await,
        [
            r#"["EDGE_CERTIFICATE",7,"STAGING",1]"#,
            r#"["SITE",3,"STAGING",2]"#
        ]
    );
    let names = "SELECT json_array(network, pattern, kind, subject_id, subject_name, account_id) FROM held_hostnames ORDER BY 1";
    assert_eq!(
        texts(&store, names).await,
        [
            r#"["PRODUCTION","www.a.test","SITE",3,"Shop","A-1"]"#,
            r#"["STAGING","*.a.test","SITE",3,"Shop","A-1"]"#,
            r#"["STAGING","www.a.test","SITE",3,"Shop","A-1"]"#,
        ]
    );
    let presented = "SELECT json_array(network, edge_certificate_id, pattern, kind, subject_id) FROM held_edge_certificates ORDER BY 1";
    assert_eq!(
        texts(&store, presented).await,
        [
            r#"["PRODUCTION",7,"www.a.test","SITE",3]"#,
            r#"["STAGING",7,"*.a.test","SITE",3]"#,
            r#"["STAGING",7,"www.a.test","SITE",3]"#,
        ]
    );
    // What ended stays as it ended, as before.
    let mut write = store.write().await.unwrap();
    let change = sqlx::query("UPDATE deployments SET percent = 1 WHERE id = 3");
    let refused = change.execute(write.connection()).await.unwrap_err();
    assert!(refused.to_string().contains("never changes"), "{refused}");
}
