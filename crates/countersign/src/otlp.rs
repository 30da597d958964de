//! The collector that access records are delivered to, from what the configuration says about it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use countersign_edge::OtlpLogs;
use countersign_snapshot::OriginTrust;
use countersign_trust::parse_bundle;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

const HEADERS_MAX: usize = 50;

/// What the configuration says: the address is good, the files are not read yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OtlpCollector {
    pub(crate) endpoint: Uri,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) headers_file: Option<PathBuf>,
}

impl OtlpCollector {
    /// Reads the files.
    pub(crate) fn load(&self) -> Result<OtlpLogs> {
        let trust = match &self.ca_file {
            None => OriginTrust::System,
            Some(file) => OriginTrust::Bundle(authorities(file)?),
        };
        let headers = match &self.headers_file {
            None => HeaderMap::new(),
            Some(file) => {
                let text = std::fs::read_to_string(file);
                let text = text.with_context(|| format!("cannot read {}", file.display()))?;
                headers(&text).with_context(|| format!("cannot use {}", file.display()))?
            }
        };
        Ok(OtlpLogs {
            endpoint: self.endpoint.clone(),
            trust,
            headers,
        })
    }
}

/// The address of a collector; what is wrong with it otherwise.
pub(crate) fn endpoint(text: &str) -> Result<Uri, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "is no URL")?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err("has to begin with `http://` or `https://` and a host");
    }
    if uri.authority().is_some_and(|it| it.as_str().contains('@')) {
        return Err("may not hold a name or a password: use `access_log.otlp.headers_file`");
    }
    if uri.path() == "/" {
        return Err("needs the whole path, which is `/v1/logs` at most collectors");
    }
    Ok(uri)
}

fn authorities(file: &Path) -> Result<Vec<Vec<u8>>> {
    let name = file.display();
    let octets = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    let bundle = parse_bundle(&octets).with_context(|| format!("cannot use {name}"))?;
    Ok(bundle
        .certificates
        .iter()
        .map(|entry| entry.certificate.der().to_vec())
        .collect())
}

/// One header a line, `Name: value`. Values are secret: no complaint shows one.
fn headers(text: &str) -> Result<HeaderMap> {
    let reserved = [
        CONNECTION,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        HOST,
        TRANSFER_ENCODING,
    ];
    let mut headers = HeaderMap::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = line.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.trim().parse().ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let Some((name, mut value)) = parsed else {
            bail!("line {number} is no header such as `Authorization: Bearer …`");
        };
        ensure!(
            !reserved.contains(&name),
            "line {number}: `{name}` is not for you to set"
        );
        value.set_sensitive(true);
        headers.append(name, value);
        ensure!(
            headers.len() <= HEADERS_MAX,
            "more than {HEADERS_MAX} headers"
        );
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_never_shown() {
        let read = headers("# key\n\nAuthorization: Bearer x:y\nX-Tenant:  a \n").unwrap();
        assert_eq!(read["authorization"], "Bearer x:y");
        assert_eq!(read["x-tenant"], "a");
        assert!(!format!("{read:?}").contains("Bearer"));
        for (text, complaint) in [
            ("secret", "line 1 is no header"),
            ("\nX: a\0b", "line 2 is no header"),
            ("Host: secret", "line 1: `host` is not for you to set"),
        ] {
            let error = headers(text).unwrap_err().to_string();
            assert!(
                error.contains(complaint) && !error.contains("secret"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_is_told_with_the_reason() {
        assert!(endpoint("http://127.0.0.1:4318/v1/logs").is_ok());
        assert!(endpoint("https://[::1]/otlp/v1/logs?tenant=a").is_ok());
        for (text, complaint) in [
            ("localhost:4318", "has to begin with"),
            ("grpc://a/v1/logs", "has to begin with"),
            ("https://a:b@c/v1/logs", "headers_file"),
            ("https://a", "/v1/logs"),
            ("https:// a", "no URL"),
        ] {
            assert!(endpoint(text).unwrap_err().contains(complaint), "{text}");
        }
    }
}
