//! From where a part says that something is wrong to where that stands in the document.

use crate::app::ServiceError;

/// A part of a declaration whose things are called by name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Section {
    CaSets,
    EdgeCertificates,
    ClientCredentials,
    Sites,
    Properties,
}

impl Section {
    /// A refusal of a thing, with its place in the declaration, also in front of what it says.
    pub(super) fn refuses(self, name: &str, error: ServiceError) -> ServiceError {
        let at = self.thing(name);
        let mut error = error.moved(|inner| format!("{at}{}", self.inside(inner)));
        error.detail = format!("{at}: {}", error.detail);
        error
    }

    /// A refusal to take a thing from a network: what asks for that is what its `networks` do not say.
    pub(super) fn keeps(self, name: &str, error: ServiceError) -> ServiceError {
        let at = format!("{}/networks", self.thing(name));
        let mut error = error.moved(|_| at.clone());
        error.detail = format!("{at}: {}", error.detail);
        error
    }

    fn thing(self, name: &str) -> String {
        let section = match self {
            Self::CaSets => "caSets",
            Self::EdgeCertificates => "edgeCertificates",
            Self::ClientCredentials => "clientCredentials",
            Self::Sites => "sites",
            Self::Properties => "properties",
        };
        format!("/{section}/{}", name.replace('~', "~0").replace('/', "~1"))
    }

    /// The place below the thing. Requests have its name or version beside the rest, and sites their settings; declarations have not.
    fn inside(self, pointer: Option<&str>) -> String {
        let is_elsewhere = |pointer: &str| {
            matches!(
                pointer,
                "/name" | "/caSetName" | "/propertyName" | "/version"
            )
        };
        match (self, pointer) {
            (_, None) => String::new(),
            (_, Some(pointer)) if is_elsewhere(pointer) => String::new(),
            (Self::Sites, Some(pointer)) => format!("/settings{pointer}"),
            (Self::Properties, Some(pointer))
                if !pointer.starts_with("/hostnames") && !pointer.starts_with("/origins") =>
            {
                format!("/rules{pointer}")
            }
            (_, Some(pointer)) => pointer.to_owned(),
        }
    }
}
