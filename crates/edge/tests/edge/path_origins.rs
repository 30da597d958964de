//! Threats C5.1, against the programs that read paths: whatever a client writes, the part of an origin that wants a certificate is not reached
//! without one, over any protocol.

use std::path::Path;
use std::process::{Command, Stdio};

use countersign_rules::{Enforcement, IdentityPresets, SiteOrigin, SiteRules, site_rules};
use countersign_snapshot::ClientAuthMode;
use countersign_testkit::Credential;
use countersign_testkit::process::{Program, free_address};
use serde_json::Value;
use tempfile::TempDir;

use crate::world::{CLIENTS, World};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/paths");
/// What is behind the certificate.
const SECRET: &str = "THE SECRET";

/// Ways to write `/admin`; octets, as no library lets one write them.
const PATHS: &[&[u8]] = &[
    b"/admin",
    b"/admin/",
    b"/admin/.",
    b"/admin;x=1",
    b"/admin;/",
    b"/%61dmin",
    b"/%61%64%6d%69%6e",
    b"//admin",
    b"///admin",
    b"/./admin",
    b"/.;/admin",
    b"/;/admin",
    b"/;x=1/admin",
    b"/%2e/admin",
    b"/%2f/admin",
    b"/%2fadmin",
    b"%2fadmin",
    b"/public/../admin",
    b"/public/..;/admin",
    b"/public/..;x=1/admin",
    b"/public/%2e%2e/admin",
    b"/public/%2E./admin",
    b"/public/..%2fadmin",
    b"/public/%2e%2e%2fadmin",
    b"/public%2f..%2fadmin",
    b"/public/%252e%252e/admin",
    b"/public/..%252fadmin",
    b"/public/..%3b/admin",
    b"/public/..%5cadmin",
    b"/public\\..\\admin",
    b"/public/..\\admin",
    b"\\admin",
    b"/\\admin",
    b"/%5cadmin",
    b"/admin%00",
    b"/admin\0",
    b"/%00/../admin",
    b"/admin%ff",
    b"/admin\xff",
    b"/\xc0\xae\xc0\xae/admin",
    b"/public/%c0%ae%c0%ae/admin",
    b"/public/..%c0%afadmin",
    b"/%ef%bd%81dmin",
    b"/admin%3f",
    b"/admin%23",
    b"/admin#x",
    b"/admin%",
    b"/%u0061dmin",
    b"/admin\t",
    b"/public/\r../admin",
    b"admin",
    b"?/../admin",
    b"https://a.test/admin",
    b"https://a.test//admin",
    b"https://a.test/public/..;/admin",
    b"https://a.test\\admin",
];

/// A program that serves `/admin` to everybody who gets as far.
struct Origin {
    name: &'static str,
    port: u16,
    /// What its page is called, where a directory is not enough.
    page: &'static str,
    _program: Program,
    _directory: TempDir,
}

impl Origin {
    /// One that says which port it listens on.
    fn telling(name: &'static str, interpreter: &str, script: &str) -> Self {
        let mut program =
            Program::start(Command::new(interpreter).arg(format!("{PEERS}/{script}")));
        let line = program.wait_for_line("port ");
        Self {
            name,
            port: line.trim_start_matches("port ").trim().parse().unwrap(),
            page: "",
            _program: program,
            _directory: tempfile::tempdir().unwrap(),
        }
    }

    fn nginx() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let prefix = directory.path().display();
        let address = free_address();
        let configuration = format!(
            "daemon off; master_process off; pid {prefix}/pid; error_log stderr; events {{}}
             http {{
               access_log off;
               client_body_temp_path {prefix}/body; proxy_temp_path {prefix}/proxy; fastcgi_temp_path {prefix}/fastcgi;
               uwsgi_temp_path {prefix}/uwsgi; scgi_temp_path {prefix}/scgi;
               server {{
                 listen {address};
                 location / {{ return 200 \"public\"; }}
                 location = /admin {{ return 200 \"{SECRET}\"; }}
                 location /admin/ {{ return 200 \"{SECRET}\"; }}
               }}
             }}"
        );
        std::fs::write(directory.path().join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-p", &prefix.to_string(), "-c", "nginx.conf"]);
        Self::started("nginx", "", &mut command, directory, address)
    }

    /// Debian's `libtomcat10-java` with its servlet for files, which needs no page to be compiled.
    fn tomcat() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        let address = free_address();
        for folder in ["conf", "temp", "webapps/ROOT/WEB-INF", "webapps/ROOT/admin"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        std::fs::write(at("webapps/ROOT/admin/index.html"), SECRET).unwrap();
        std::fs::write(at("webapps/ROOT/index.html"), "public").unwrap();
        let servlet = r#"<web-app><servlet><servlet-name>files</servlet-name>
            <servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class></servlet>
            <servlet-mapping><servlet-name>files</servlet-name><url-pattern>/</url-pattern></servlet-mapping></web-app>"#;
        std::fs::write(at("conf/web.xml"), servlet).unwrap();
        let server = format!(
            r#"<Server port="-1"><Service name="Catalina"><Connector address="127.0.0.1" port="{}"/>
            <Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps"/></Engine></Service></Server>"#,
            address.port()
        );
        std::fs::write(at("conf/server.xml"), server).unwrap();
        let base = directory.path().display().to_string();
        let mut command = Command::new("java");
        command
            .args(["-cp", "/usr/share/java/*"])
            .arg(format!("-Dcatalina.base={base}"))
            .arg(format!("-Djava.io.tmpdir={base}/temp"))
            .arg("org.apache.catalina.startup.Bootstrap");
        Self::started("Tomcat", "/index.html", &mut command, directory, address)
    }

    fn started(
        name: &'static str,
        page: &'static str,
        command: &mut Command,
        directory: TempDir,
        address: std::net::SocketAddr,
    ) -> Self {
        let mut program = Program::start(command);
        program.wait_for_port(address);
        Self {
            name,
            port: address.port(),
            page,
            _program: program,
            _directory: directory,
        }
    }

    fn paths(&self) -> Vec<String> {
        let latin1 = |path: &[u8]| path.iter().map(|octet| char::from(*octet)).collect();
        PATHS
            .iter()
            .map(|path| latin1(&[path, self.page.as_bytes()].concat()))
            .collect()
    }
}

/// What the foreign client got, by protocol: for each path the status and the answer.
fn ask(ports: [u16; 2], credential: Option<&Credential>, paths: &[String]) -> Value {
    let files = tempfile::tempdir().unwrap();
    let mut command = Command::new("python3");
    command.arg(format!("{PEERS}/client.py"));
    command
        .args(ports.map(|port| port.to_string()))
        .arg("a.test");
    if let Some(credential) = credential {
        for (name, text) in [
            ("chain.pem", credential.chain_pem()),
            ("key.pem", credential.key_pem()),
        ] {
            let path = files.path().join(name);
            std::fs::write(&path, text).unwrap();
            command.arg(path);
        }
    }
    let mut client = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(client.stdin.take().unwrap(), paths).unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn reaches_the_secret(answer: &Value) -> bool {
    answer[1].as_str().unwrap().contains(SECRET)
}

async fn check(origin: Origin) {
    let world = World::empty().await;
    let mut binding = world.binding("a", &["a.test"], ClientAuthMode::Request, &[CLIENTS]);
    binding.rules = site_rules(SiteRules {
        ca_sets: vec![CLIENTS.to_string()],
        enforcement: Enforcement::Deny,
        open_paths: Vec::new(),
        denied_paths: Vec::new(),
        certificate_paths: vec!["/admin".to_owned()],
        forward: IdentityPresets::empty(),
        sign: false,
        origin: SiteOrigin::Id("main".to_owned()),
    })
    .to_json();
    world
        .activate_with(&[binding], |snapshot| {
            snapshot.origins[0].endpoints[0].port = origin.port;
        })
        .await;
    let edge = [world.edge.local_addr().port(), world.quic_addr().port()];
    let alice = world.alice();
    let paths = origin.paths();
    let name = origin.name;
    let asked = tokio::task::spawn_blocking(move || {
        // Without the edge, several of these spellings lead there: otherwise nothing below would say anything.
        let alone = ask([origin.port, 0], None, &paths);
        let reached = alone["h1"].as_array().unwrap().iter();
        let reached = reached.filter(|answer| reaches_the_secret(answer)).count();
        let known = ask(edge, Some(&alice), &paths[..1]);
        (reached, known, ask(edge, None, &paths), paths)
    });
    let (reached, known, answers, paths) = asked.await.unwrap();
    println!(
        "{name} alone serves it for {reached} of {} spellings",
        paths.len()
    );
    assert!(reached >= 3, "{name}: {reached}");
    for protocol in ["h1", "h2", "h3"] {
        assert!(
            reaches_the_secret(&known[protocol][0]),
            "{name} {protocol}: {known}"
        );
        let answers = answers[protocol].as_array().unwrap();
        assert_eq!(answers.len(), paths.len());
        for (path, answer) in paths.iter().zip(answers) {
            let place = format!("{name} {protocol} {path:?}: {answer}");
            assert!(!reaches_the_secret(answer), "{place}");
            // Refused by the edge, or by the protocol; or what the origin takes for something else.
            let status = answer[0].as_u64();
            let is_known = matches!(status, None | Some(200 | 301 | 302 | 308 | 400 | 403 | 404));
            assert!(is_known, "{place}");
        }
        // As it is written it is no mistake: it wants a certificate.
        assert_eq!(answers[0][0], 403, "{name} {protocol}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spelling_leads_around_a_certificate_at_nginx() {
    check(Origin::nginx()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spelling_leads_around_a_certificate_at_node() {
    check(Origin::telling("Node.js", "node", "origin.js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spelling_leads_around_a_certificate_at_werkzeug() {
    check(Origin::telling("Werkzeug", "python3", "origin.py")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "by hand: wants Java and Debian's libtomcat10-java"]
async fn no_spelling_leads_around_a_certificate_at_tomcat() {
    assert!(Path::new("/usr/share/java/tomcat10-catalina.jar").exists());
    check(Origin::tomcat()).await;
}
