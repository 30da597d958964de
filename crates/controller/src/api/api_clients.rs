//! API clients: who may call.

use countersign_api::control;
use http::StatusCode;
use http::header::LOCATION;

use super::body::{self, Reader};
use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use super::wire;
use crate::app::{Credentials, ErrorCode, NewApiClient, ServiceError};
use crate::{ApiClient, ApiClientKind, BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "createApiClient",
        method: Verb::Post,
        path: "/v1/api-clients",
        summary: "Makes an API client; what it needs to prove who it is is shown this once.",
        role: Role::Admin,
        query: &[],
        body: Body::Json("ApiClientRequest"),
        answers: &[(201, Some("NewApiClient"))],
        errors: &[],
        handler: create,
    },
    Operation {
        id: "listApiClients",
        method: Verb::Get,
        path: "/v1/api-clients",
        summary: "Lists the API clients of the account, revoked ones too.",
        role: Role::Admin,
        query: &[],
        body: Body::Ignored,
        answers: &[(200, Some("ApiClients"))],
        errors: &[],
        handler: list,
    },
    Operation {
        id: "revokeApiClient",
        method: Verb::Delete,
        path: "/v1/api-clients/{apiClientId}",
        summary: "Takes an API client's access away, for good.",
        role: Role::Admin,
        query: &[],
        body: Body::Ignored,
        answers: &[(204, None)],
        errors: &[ErrorCode::ApiClientNotFound],
        handler: revoke,
    },
];

type Answer = BoxFuture<'static, Result<Reply, ServiceError>>;

fn create(call: Call) -> Answer {
    Box::pin(async move {
        let value = body::parse(&call.body)?;
        let mut reader = Reader::default();
        let root = reader.root(&value);
        reader.only(root, &["name", "role", "kind"], &[]);
        let name = reader.text(root, "name");
        let roles: Vec<_> = Role::ALL
            .iter()
            .map(|role| (role.as_str(), *role))
            .collect();
        let role = reader.choice(root, "role", &roles);
        let kinds: Vec<_> = ApiClientKind::ALL
            .iter()
            .map(|kind| (kind.as_str(), *kind))
            .collect();
        let kind = reader.choice(root, "kind", &kinds);
        reader.finish()?;
        let (Some(role), Some(kind)) = (role, kind) else {
            return Err(ServiceError::new(
                ErrorCode::InvalidField,
                "There is no role or kind.",
            ));
        };
        let new = NewApiClient { name, role, kind };
        let (client, credentials) = call
            .controller
            .api_clients()
            .create(&call.caller, new)
            .await?;
        let link = format!("/v1/api-clients/{}", client.id);
        let mut answer = control::NewApiClient {
            api_client: show(client),
            token: None,
            client_token: None,
            access_token: None,
            client_secret: None,
        };
        match credentials {
            Credentials::Bearer { token } => answer.token = Some(text(&token)),
            Credentials::EdgeGrid {
                client_token,
                access_token,
                client_secret,
            } => {
                answer.client_token = Some(client_token);
                answer.access_token = Some(access_token);
                answer.client_secret = Some(text(&client_secret));
            }
        }
        Reply::json(StatusCode::CREATED, &answer)?.with(LOCATION, &link)
    })
}

fn text(secret: &countersign_snapshot::Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

fn list(call: Call) -> Answer {
    Box::pin(async move {
        let clients = call.controller.api_clients().list(&call.caller).await?;
        Reply::json(
            StatusCode::OK,
            &control::ApiClients {
                api_clients: clients.into_iter().map(show).collect(),
            },
        )
    })
}

fn revoke(call: Call) -> Answer {
    Box::pin(async move {
        let id = call.parameter("apiClientId");
        call.controller
            .api_clients()
            .revoke(&call.caller, id)
            .await?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    })
}

fn show(client: ApiClient) -> control::ApiClient {
    control::ApiClient {
        id: client.id,
        name: client.name,
        role: client.role.as_str().to_owned(),
        kind: match client.kind {
            ApiClientKind::Bearer => control::ApiClientKind::Bearer,
            ApiClientKind::EdgeGrid => control::ApiClientKind::Edgegrid,
        },
        created_date: wire::time(client.created_at),
        created_by: client.created_by,
        revoked_date: client.revoked_at.map(wire::time),
        revoked_by: client.revoked_by,
    }
}
