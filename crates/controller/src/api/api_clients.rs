//! API clients: who may call.

use countersign_api::control;
use countersign_trust::{Certificate, parse_bundle};
use http::StatusCode;
use http::header::LOCATION;

use super::body::{self, Object, Reader};
use super::call::{Call, Reply};
use super::operation::{Body, Operation, Verb};
use super::wire;
use crate::app::{Credentials, ErrorCode, NewApiClient, NewCertificateClient, ServiceError};
use crate::model::OperatorCertificate;
use crate::{ApiClientKind, BoxFuture, Role};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "createApiClient",
        method: Verb::Post,
        path: "/v1/api-clients",
        summary: "Makes an API client; what it needs to prove who it is is shown this once. One with a certificate brings it along: `certificate` (PEM, accepted by itself), or `authorities` (PEM) and `subject`.",
        role: Role::Admin,
        query: &[],
        body: Body::Json("ApiClientRequest"),
        answers: &[(201, Some("NewApiClient"))],
        errors: &[ErrorCode::CertificateRegistered, ErrorCode::InvalidField],
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
        reader.only(
            root,
            &[
                "name",
                "role",
                "kind",
                "certificate",
                "authorities",
                "subject",
            ],
            &[],
        );
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
        let certificate = certificate(&mut reader, root, kind);
        reader.finish()?;
        let (Some(role), Some(kind)) = (role, kind) else {
            return Err(ServiceError::new(
                ErrorCode::InvalidField,
                "There is no role or kind.",
            ));
        };
        let clients = call.controller.api_clients();
        let (client, credentials) = match certificate {
            Some(certificate) => {
                let new = NewCertificateClient {
                    name,
                    role,
                    certificate,
                };
                (clients.register(&call.caller, new).await?, None)
            }
            None => {
                let new = NewApiClient { name, role, kind };
                let (client, credentials) = clients.create(&call.caller, new).await?;
                (client, Some(credentials))
            }
        };
        let link = format!("/v1/api-clients/{}", client.id);
        let mut answer = control::NewApiClient {
            api_client: wire::api_client(client),
            token: None,
            client_token: None,
            access_token: None,
            client_secret: None,
        };
        match credentials {
            None => {}
            Some(Credentials::Bearer { token }) => answer.token = Some(text(&token)),
            Some(Credentials::EdgeGrid {
                client_token,
                access_token,
                client_secret,
            }) => {
                answer.client_token = Some(client_token);
                answer.access_token = Some(access_token);
                answer.client_secret = Some(text(&client_secret));
            }
        }
        Reply::json(StatusCode::CREATED, &answer)?.with(LOCATION, &link)
    })
}

/// Reads the certificate of a client of that kind; other kinds have none.
fn certificate(
    reader: &mut Reader,
    root: Object<'_>,
    kind: Option<ApiClientKind>,
) -> Option<OperatorCertificate> {
    let pinned = reader.optional_text(root, "certificate");
    let authorities = reader.optional_text(root, "authorities");
    let subject = reader.optional_text(root, "subject");
    if kind != Some(ApiClientKind::Certificate) {
        for (field, value) in [
            ("certificate", pinned),
            ("authorities", authorities),
            ("subject", subject),
        ] {
            if value.is_some() {
                reader.problem(root, field, "it goes with the kind CERTIFICATE only");
            }
        }
        return None;
    }
    match (pinned, authorities, subject) {
        (Some(pem), None, None) => {
            let mut certificates = certificates(reader, root, "certificate", pem)?;
            if certificates.len() > 1 {
                // Its issuers may stand behind it, as in the file that a client uses.
                certificates.truncate(1);
            }
            certificates.pop().map(OperatorCertificate::Pinned)
        }
        (None, Some(pem), Some(subject)) => Some(OperatorCertificate::Issued {
            authorities: certificates(reader, root, "authorities", pem)?,
            subject: subject.to_owned(),
        }),
        _ => {
            reader.problem(
                root,
                "certificate",
                "a client of the kind CERTIFICATE has either `certificate`, or `authorities` and `subject`",
            );
            None
        }
    }
}

fn certificates(
    reader: &mut Reader,
    root: Object<'_>,
    field: &str,
    pem: &str,
) -> Option<Vec<Certificate>> {
    match parse_bundle(pem.as_bytes()) {
        Ok(bundle) => Some(
            bundle
                .certificates
                .into_iter()
                .map(|entry| entry.certificate)
                .collect(),
        ),
        Err(error) => {
            reader.problem(root, field, error.to_string());
            None
        }
    }
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
                api_clients: clients.into_iter().map(wire::api_client).collect(),
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
