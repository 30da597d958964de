//! One configuration file, checked in one step before any port is bound.

mod settings;

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_controller::{Limits, RateLimit};
use countersign_edge::LogFile;
use countersign_snapshot::IpRange;
use toml::Value;

use crate::otlp::{self, OtlpCollector};
use settings::{Setting, Settings};

/// The file with every key at its default.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

/// A stop that takes longer than an hour is no stop.
const DRAIN_MAX_SECONDS: i64 = 3600;
/// No bundle of certificates has more.
const CERTIFICATES_MAX: u32 = countersign_trust::Bundle::MAX_CERTIFICATES as u32;

/// Checked configuration: every value can be used as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) api_listen: SocketAddr,
    pub(crate) api_certificate: Option<CertificateFiles>,
    pub(crate) production: Vec<SocketAddr>,
    /// UDP.
    pub(crate) production_http3: Vec<SocketAddr>,
    /// TCP, without TLS.
    pub(crate) production_http: Vec<SocketAddr>,
    /// Where redirects to HTTPS lead.
    pub(crate) production_https_port: u16,
    pub(crate) staging: Vec<SocketAddr>,
    /// UDP.
    pub(crate) staging_http3: Vec<SocketAddr>,
    /// TCP, without TLS.
    pub(crate) staging_http: Vec<SocketAddr>,
    /// Where redirects to HTTPS lead.
    pub(crate) staging_https_port: u16,
    /// Whose TCP connections to the edges begin with a PROXY header.
    pub(crate) proxy_protocol_from: Vec<IpRange>,
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) access_log: AccessLogOutput,
    /// Of the requests that went well, one in so many is recorded.
    pub(crate) access_log_sample: NonZeroU32,
    /// Where access records are delivered to as well.
    pub(crate) otlp: Option<OtlpCollector>,
    pub(crate) log_level: String,
    pub(crate) drain_deadline: Duration,
    pub(crate) limits: Limits,
}

/// A certificate chain and its key, both PEM.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CertificateFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Where access records go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AccessLogOutput {
    File(LogFile),
    Off,
    Stderr,
    Stdout,
}

/// Everything that is wrong with a configuration, together.
#[derive(Debug)]
pub(crate) struct ConfigError {
    problems: Vec<String>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the configuration cannot be used")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}

/// The layers above the defaults, lowest first.
#[derive(Debug, Default)]
pub(crate) struct Layers<'a> {
    pub(crate) file: Option<&'a Path>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) flags: Vec<(&'static str, String)>,
}

impl Config {
    /// Reads, layers and checks. All mistakes are reported together.
    pub(crate) fn load(layers: &Layers<'_>) -> Result<Self, ConfigError> {
        Self::from_settings(read(layers)?)
    }

    /// Whether the other one differs in what a running process cannot change.
    pub(crate) fn differs_at_rest(&self, other: &Self) -> bool {
        let changeable = Self {
            api_certificate: self.api_certificate.clone(),
            log_level: self.log_level.clone(),
            drain_deadline: self.drain_deadline,
            ..other.clone()
        };
        // With or without files, the API's certificate is another kind of thing.
        *self != changeable || self.api_certificate.is_some() != other.api_certificate.is_some()
    }

    fn from_settings(settings: Settings) -> Result<Self, ConfigError> {
        let mut checker = Checker { settings };
        let certificate = checker.text("api.certificate");
        let key = checker.text("api.key");
        let api_certificate = match (certificate.is_empty(), key.is_empty()) {
            (true, true) => None,
            (false, false) => Some(CertificateFiles {
                certificate: certificate.into(),
                key: key.into(),
            }),
            (true, false) => {
                checker.problem("api.certificate", "is missing while `api.key` is set")
            }
            (false, true) => {
                checker.problem("api.key", "is missing while `api.certificate` is set")
            }
        };
        let config = Self {
            data_dir: checker.text("data_dir").into(),
            api_listen: checker.address("api.listen"),
            api_certificate,
            production: checker.addresses("edge.production.listen"),
            production_http3: checker.addresses("edge.production.listen_http3"),
            production_http: checker.addresses("edge.production.listen_http"),
            production_https_port: checker.port("edge.production.https_port"),
            staging: checker.addresses("edge.staging.listen"),
            staging_http3: checker.addresses("edge.staging.listen_http3"),
            staging_http: checker.addresses("edge.staging.listen_http"),
            staging_https_port: checker.port("edge.staging.https_port"),
            proxy_protocol_from: checker.ranges("edge.proxy_protocol_from"),
            admin_listen: match checker.text("admin.listen").as_str() {
                "" => None,
                text => Some(checker.parse_address("admin.listen", text)),
            },
            access_log: match checker.text("access_log.output").as_str() {
                "stdout" => AccessLogOutput::Stdout,
                "stderr" => AccessLogOutput::Stderr,
                "off" => AccessLogOutput::Off,
                "" => checker
                    .problem(
                        "access_log.output",
                        "is empty: use `stdout`, `stderr`, `off` or a file's path",
                    )
                    .unwrap_or(AccessLogOutput::Off),
                path => AccessLogOutput::File(LogFile {
                    path: path.into(),
                    max_bytes: checker.megabytes("access_log.rotate_megabytes"),
                    keep: checker.at_least_one("access_log.keep_files"),
                }),
            },
            access_log_sample: checker.at_least_one("access_log.sample_one_in"),
            otlp: checker.otlp(),
            log_level: checker.text("log.level"),
            drain_deadline: checker.seconds("drain.deadline_seconds", DRAIN_MAX_SECONDS),
            limits: checker.limits(),
        };
        if config.data_dir.as_os_str().is_empty() {
            checker.problem::<()>("data_dir", "is empty");
        }
        if let Err(error) = config.log_level.parse::<tracing_subscriber::EnvFilter>() {
            checker.problem::<()>("log.level", &format!("is no log level: {error}"));
        }
        checker.same_address_twice(&config);
        if checker.settings.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError {
                problems: checker.settings.problems,
            })
        }
    }
}

/// The effective values with their sources, one line each.
pub(crate) fn show(layers: &Layers<'_>) -> Result<String, ConfigError> {
    let settings = read(layers)?;
    let lines = settings
        .by_key
        .iter()
        .map(|(key, setting)| format!("{key} = {}  # {}\n", setting.value, setting.source))
        .collect();
    Config::from_settings(settings).map(|_| lines)
}

fn read(layers: &Layers<'_>) -> Result<Settings, ConfigError> {
    let mut settings = Settings::from_defaults(DEFAULT);
    if let Some(path) = layers.file {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
            problems: vec![format!("{}: {error}", path.display())],
        })?;
        settings.add_file(path, &text);
    }
    settings.add_environment(layers.environment.iter().cloned());
    for (key, text) in &layers.flags {
        settings.add_flag(key, text);
    }
    Ok(settings)
}

/// Takes typed values out of the settings and keeps every complaint.
struct Checker {
    settings: Settings,
}

impl Checker {
    fn problem<T>(&mut self, key: &str, what: &str) -> Option<T> {
        let source = self
            .settings
            .by_key
            .get(key)
            .map(|setting| setting.source.to_string())
            .unwrap_or_default();
        self.settings
            .problems
            .push(format!("{source}: `{key}` {what}"));
        None
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.settings
            .by_key
            .get(key)
            .map(|Setting { value, .. }| value)
    }

    fn text(&self, key: &str) -> String {
        self.value(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    fn address(&mut self, key: &str) -> SocketAddr {
        let text = self.text(key);
        self.parse_address(key, &text)
    }

    fn addresses(&mut self, key: &str) -> Vec<SocketAddr> {
        let items = self
            .value(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        items
            .iter()
            .map(|item| match item.as_str() {
                Some(text) => self.parse_address(key, text),
                None => {
                    self.problem::<()>(key, "takes a list of texts");
                    UNSPECIFIED
                }
            })
            .collect()
    }

    fn ranges(&mut self, key: &str) -> Vec<IpRange> {
        let items = self.value(key).and_then(Value::as_array).cloned();
        let texts = items
            .iter()
            .flatten()
            .map(|item| item.as_str().unwrap_or_default());
        let mut ranges = Vec::new();
        for text in texts {
            match text.parse() {
                Ok(range) => ranges.push(range),
                Err(error) => {
                    let what = format!(
                        "has `{text}`, which is no address or range such as 10.0.0.7 or 10.0.0.0/24: {error}"
                    );
                    self.problem::<()>(key, &what);
                }
            }
        }
        ranges
    }

    fn parse_address(&mut self, key: &str, text: &str) -> SocketAddr {
        text.parse().unwrap_or_else(|_| {
            self.problem::<()>(
                key,
                &format!(
                    "is `{text}`, not an address and port such as 127.0.0.1:8443 or [::1]:8443"
                ),
            );
            UNSPECIFIED
        })
    }

    fn seconds(&mut self, key: &str, maximum: i64) -> Duration {
        let number = self.value(key).and_then(Value::as_integer).unwrap_or(0);
        match u64::try_from(number) {
            Ok(seconds) if number <= maximum => Duration::from_secs(seconds),
            _ => {
                self.problem::<()>(
                    key,
                    &format!("is {number}, not a number of seconds from 0 to {maximum}"),
                );
                Duration::ZERO
            }
        }
    }

    fn port(&mut self, key: &str) -> u16 {
        let port = self.one_to(key, u16::MAX.into());
        u16::try_from(port.get()).unwrap_or(u16::MAX)
    }

    fn at_least_one(&mut self, key: &str) -> NonZeroU32 {
        self.one_to(key, u32::MAX)
    }

    fn one_to(&mut self, key: &str, maximum: u32) -> NonZeroU32 {
        let number = self.value(key).and_then(Value::as_integer).unwrap_or(1);
        u32::try_from(number)
            .ok()
            .filter(|number| *number <= maximum)
            .and_then(NonZeroU32::new)
            .unwrap_or_else(|| {
                self.problem::<()>(
                    key,
                    &format!("is {number}, not a number from 1 to {maximum}"),
                );
                NonZeroU32::MIN
            })
    }

    fn otlp(&mut self) -> Option<OtlpCollector> {
        const ENDPOINT: &str = "access_log.otlp.endpoint";
        let file = |text: String| (!text.is_empty()).then(|| PathBuf::from(text));
        let ca_file = file(self.text("access_log.otlp.ca_file"));
        let headers_file = file(self.text("access_log.otlp.headers_file"));
        let text = self.text(ENDPOINT);
        if text.is_empty() {
            for (key, file) in [("ca_file", &ca_file), ("headers_file", &headers_file)] {
                if file.is_some() {
                    let key = format!("access_log.otlp.{key}");
                    self.problem::<()>(&key, &format!("is set while `{ENDPOINT}` is empty"));
                }
            }
            return None;
        }
        match otlp::endpoint(&text) {
            Ok(endpoint) if ca_file.is_some() && endpoint.scheme_str() == Some("http") => self
                .problem(
                    "access_log.otlp.ca_file",
                    &format!("is set while `{ENDPOINT}` is no `https` URL"),
                ),
            Ok(endpoint) => Some(OtlpCollector {
                endpoint,
                ca_file,
                headers_file,
            }),
            Err(what) => self.problem(ENDPOINT, what),
        }
    }

    /// The limits of the control API.
    fn limits(&mut self) -> Limits {
        let defaults = Limits::default();
        let certificates = self.one_to("limits.certificates_per_version", CERTIFICATES_MAX);
        let per_certificate =
            defaults.body_bytes / defaults.certificates_per_version.max(1) as usize;
        Limits {
            ca_sets_per_account: self.at_least_one("limits.ca_sets_per_account").get(),
            versions_per_ca_set: self.at_least_one("limits.versions_per_ca_set").get(),
            certificates_per_version: certificates.get(),
            // A request must be able to bring as many certificates as a version may have.
            body_bytes: defaults
                .body_bytes
                .max(per_certificate.saturating_mul(certificates.get() as usize)),
            rate: RateLimit {
                requests: self.at_least_one("limits.requests_per_minute").get(),
                window: Duration::from_secs(60),
            },
            ..defaults
        }
    }

    /// In bytes; 0 is `None`.
    fn megabytes(&mut self, key: &str) -> Option<NonZeroU64> {
        const MAXIMUM: u64 = 1_000_000;
        let number = self.value(key).and_then(Value::as_integer).unwrap_or(0);
        match u64::try_from(number) {
            Ok(megabytes) if megabytes <= MAXIMUM => NonZeroU64::new(megabytes * 1_000_000),
            _ => self.problem(
                key,
                &format!("is {number}, not a number of megabytes from 0 to {MAXIMUM}"),
            ),
        }
    }

    /// Port 0 asks for any free port, so it may stand more than once. TCP and UDP have ports of their own.
    fn same_address_twice(&mut self, config: &Config) {
        let admin = config.admin_listen.into_iter().collect();
        let tcp = [
            (&config.production, "edge.production.listen"),
            (&config.production_http, "edge.production.listen_http"),
            (&config.staging, "edge.staging.listen"),
            (&config.staging_http, "edge.staging.listen_http"),
            (&admin, "admin.listen"),
        ];
        let udp = [
            (&config.production_http3, "edge.production.listen_http3"),
            (&config.staging_http3, "edge.staging.listen_http3"),
        ];
        self.taken_twice(vec![(config.api_listen, "api.listen")], &tcp);
        self.taken_twice(Vec::new(), &udp);
    }

    fn taken_twice<'a>(
        &mut self,
        mut taken: Vec<(SocketAddr, &'a str)>,
        edges: &[(&Vec<SocketAddr>, &'a str)],
    ) {
        for &(addresses, key) in edges {
            for address in addresses {
                let other = taken
                    .iter()
                    .find(|(known, _)| known == address && address.port() != 0)
                    .map(|(_, other)| (*other).to_owned());
                if let Some(other) = other {
                    self.problem::<()>(
                        key,
                        &format!("names {address}, which `{other}` has already"),
                    );
                }
                taken.push((*address, key));
            }
        }
    }
}

/// Stands in for an address that could not be read; the complaint about it keeps it from being used.
const UNSPECIFIED: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("countersign.toml");
        std::fs::write(&path, text).unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let prefix = format!("{}/", dir.path().display());
        Config::load(&Layers {
            file: Some(&path),
            environment: environment.iter().map(owned).collect(),
            flags: Vec::new(),
        })
        .map_err(|error| error.to_string().replace(&prefix, ""))
    }

    #[test]
    fn an_empty_file_is_the_default_configuration() {
        let config = load("", &[]).unwrap();
        assert_eq!(config.api_listen, "127.0.0.1:8440".parse().unwrap());
        assert_eq!(config.production, ["127.0.0.1:8443".parse().unwrap()]);
        assert_eq!(config.staging, ["127.0.0.1:8444".parse().unwrap()]);
        assert!(config.production_http3.is_empty() && config.staging_http3.is_empty());
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let config = load(
            "data_dir = 'a'\n[edge.production]\nlisten = ['127.0.0.1:1']",
            &[
                ("COUNTERSIGN_DATA_DIR", "b"),
                ("COUNTERSIGN_EDGE_PRODUCTION_LISTEN", "127.0.0.1:2, [::1]:3"),
                ("COUNTERSIGN_DRAIN_DEADLINE_SECONDS", "7"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!(config.data_dir, PathBuf::from("b"));
        assert_eq!(
            config.production,
            ["127.0.0.1:2".parse().unwrap(), "[::1]:3".parse().unwrap()]
        );
        assert_eq!(config.drain_deadline, Duration::from_secs(7));
    }

    #[test]
    fn http3_has_ports_of_its_own() {
        let both = "[edge.production]\nlisten = ['127.0.0.1:1']\nlisten_http3 = ['127.0.0.1:1']\n";
        let config = load(both, &[]).unwrap();
        assert_eq!(config.production, config.production_http3);
        let twice = format!("{both}[edge.staging]\nlisten_http3 = ['127.0.0.1:1']");
        let error = load(&twice, &[]).unwrap_err();
        assert!(
            error.contains("`edge.staging.listen_http3` names 127.0.0.1:1, which `edge.production.listen_http3` has already"),
            "{error}"
        );
    }

    #[test]
    fn all_mistakes_are_reported_together_with_line_and_remedy() {
        let text = "dta_dir = 'x'\n[api]\nlisten = 'localhost'\nkey = 'k.pem'\n[edge.staging]\nlisten = '127.0.0.1:1'\n[drain]\ndeadline_seconds = -1\n";
        assert_eq!(
            load(text, &[("COUNTERSIGN_LOG_LEVEL", "lou=d=er")]).unwrap_err().lines().collect::<Vec<_>>(),
            [
                "the configuration cannot be used",
                "  countersign.toml:1: unknown key `dta_dir`; did you mean `data_dir`?",
                "  countersign.toml:6: `edge.staging.listen` takes an array, not a string",
                "  default: `api.certificate` is missing while `api.key` is set",
                "  countersign.toml:3: `api.listen` is `localhost`, not an address and port such as 127.0.0.1:8443 or [::1]:8443",
                "  countersign.toml:8: `drain.deadline_seconds` is -1, not a number of seconds from 0 to 3600",
                "  environment variable COUNTERSIGN_LOG_LEVEL: `log.level` is no log level: error parsing level filter: expected one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", or a number 0-5",
            ]
            .into_iter()
            .collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        let error = load("[api]\nlisten = \n", &[]).unwrap_err();
        assert!(error.contains("countersign.toml:2"), "{error}");
    }

    #[test]
    fn limits_are_those_of_the_vendor_until_they_are_set() {
        assert_eq!(load("", &[]).unwrap().limits, Limits::default());
        let text = "[limits]\nca_sets_per_account = 1\nversions_per_ca_set = 2\ncertificates_per_version = 2000\nrequests_per_minute = 3";
        let limits = load(text, &[]).unwrap().limits;
        assert_eq!(
            (limits.ca_sets_per_account, limits.versions_per_ca_set),
            (1, 2)
        );
        assert_eq!(
            (limits.certificates_per_version, limits.rate.requests),
            (2000, 3)
        );
        assert!(limits.body_bytes > 5 * Limits::default().body_bytes);
        let error = load(
            "[limits]\ncertificates_per_version = 2001\nrequests_per_minute = 0",
            &[],
        );
        let error = error.unwrap_err();
        assert!(
            error
                .contains("`limits.certificates_per_version` is 2001, not a number from 1 to 2000"),
            "{error}"
        );
        assert!(
            error.contains("`limits.requests_per_minute` is 0"),
            "{error}"
        );
    }

    #[test]
    fn a_collector_is_off_until_it_has_an_address() {
        assert_eq!(load("", &[]).unwrap().otlp, None);
        let text =
            "[access_log.otlp]\nendpoint = 'https://logs.example/v1/logs'\nca_file = 'ca.pem'";
        let otlp = load(text, &[]).unwrap().otlp.unwrap();
        assert_eq!(otlp.endpoint, "https://logs.example/v1/logs");
        assert_eq!(otlp.ca_file, Some(PathBuf::from("ca.pem")));
        assert_eq!(otlp.headers_file, None);
        for (text, complaint) in [
            (
                "endpoint = 'logs.example'",
                "`access_log.otlp.endpoint` has to begin with",
            ),
            (
                "headers_file = 'h'",
                "`access_log.otlp.headers_file` is set while",
            ),
            (
                "endpoint = 'http://a/v1/logs'\nca_file = 'ca.pem'",
                "`access_log.otlp.ca_file` is set while",
            ),
        ] {
            let error = load(&format!("[access_log.otlp]\n{text}"), &[]).unwrap_err();
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn one_address_cannot_serve_twice() {
        let error = load("[edge.staging]\nlisten = ['127.0.0.1:8443']", &[]).unwrap_err();
        assert!(
            error.contains("`edge.staging.listen` names 127.0.0.1:8443, which `edge.production.listen` has already"),
            "{error}"
        );
    }
}
