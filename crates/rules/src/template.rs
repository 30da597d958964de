//! Text with variables, such as a custom log field.

use std::fmt::{self, Write};

use crate::facts::{CertificateState, Facts, Protocol};
use crate::suggest::{nearest, quote};

/// What is rendered never grows beyond this, however long the client's names and paths are.
const MAX_RENDERED_BYTES: usize = 8_192;

/// Text with variables, checked when the program was compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Variable(Variable),
}

/// What a variable stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Variable {
    CertificateState,
    ClientIp,
    DaysLeft,
    Fingerprint,
    Host,
    Issuer,
    Method,
    /// The host without its leftmost label.
    ParentHost,
    Path,
    Query,
    /// The query with this character before it, or nothing.
    QueryAfter(char),
    Reason,
    Scheme,
    Serial,
    Spki,
    Subject,
    Url,
}

/// Variables by the name that rules use. `AK_…` are the vendor's; `CS_…` are ours.
pub(crate) const VARIABLES: [(&str, Variable); 16] = [
    ("AK_CLIENT_IP", Variable::ClientIp),
    ("AK_CLIENT_REAL_IP", Variable::ClientIp),
    ("AK_HOST", Variable::Host),
    ("AK_METHOD", Variable::Method),
    ("AK_PATH", Variable::Path),
    ("AK_QUERY", Variable::Query),
    ("AK_SCHEME", Variable::Scheme),
    ("AK_URL", Variable::Url),
    ("CS_CLIENT_CERTIFICATE_STATE", Variable::CertificateState),
    ("CS_CLIENT_DAYS_LEFT", Variable::DaysLeft),
    ("CS_CLIENT_FINGERPRINT", Variable::Fingerprint),
    ("CS_CLIENT_ISSUER", Variable::Issuer),
    ("CS_CLIENT_REASON", Variable::Reason),
    ("CS_CLIENT_SERIAL", Variable::Serial),
    ("CS_CLIENT_SPKI", Variable::Spki),
    ("CS_CLIENT_SUBJECT", Variable::Subject),
];

impl Variable {
    /// Whether its value comes from the client's certificate.
    fn is_identity(self) -> bool {
        matches!(
            self,
            Variable::DaysLeft
                | Variable::Fingerprint
                | Variable::Issuer
                | Variable::Serial
                | Variable::Spki
                | Variable::Subject
        )
    }

    fn write(self, facts: &impl Facts, out: &mut dyn Write) -> fmt::Result {
        match self {
            Variable::CertificateState => out.write_str(state_name(facts.certificate_state())),
            Variable::ClientIp => write!(out, "{}", facts.client_ip().to_canonical()),
            Variable::DaysLeft => facts
                .days_left()
                .map_or(Ok(()), |days| write!(out, "{days}")),
            Variable::Fingerprint => facts
                .certificate_fingerprint()
                .map_or(Ok(()), |octets| write_hex(octets, out)),
            Variable::Host => out.write_str(facts.hostname()),
            Variable::Issuer => facts.write_issuer(out),
            Variable::Method => out.write_str(facts.method()),
            Variable::ParentHost => out.write_str(
                facts
                    .hostname()
                    .split_once('.')
                    .map_or("", |(_, parent)| parent),
            ),
            Variable::Path => out.write_str(facts.path()),
            Variable::Query => out.write_str(facts.query().unwrap_or_default()),
            Variable::QueryAfter(separator) => facts
                .query()
                .map_or(Ok(()), |query| write!(out, "{separator}{query}")),
            Variable::Reason => out.write_str(facts.refusal_code().unwrap_or_default()),
            Variable::Scheme => out.write_str(match facts.protocol() {
                Protocol::Http => "http",
                Protocol::Https => "https",
            }),
            Variable::Serial => facts
                .serial_number()
                .map_or(Ok(()), |octets| write_hex(octets, out)),
            Variable::Spki => facts
                .spki_fingerprint()
                .map_or(Ok(()), |octets| write_hex(octets, out)),
            Variable::Subject => facts.write_subject(out),
            Variable::Url => {
                out.write_str(facts.path())?;
                Variable::QueryAfter('?').write(facts, out)
            }
        }
    }
}

/// The name of a certificate's state in rules, logs and traces.
pub(crate) fn state_name(state: CertificateState) -> &'static str {
    match state {
        CertificateState::Invalid => "invalid",
        CertificateState::Missing => "missing",
        CertificateState::Valid => "valid",
    }
}

pub(crate) fn write_hex(octets: &[u8], out: &mut dyn Write) -> fmt::Result {
    octets
        .iter()
        .try_for_each(|octet| write!(out, "{octet:02x}"))
}

/// What is wrong with a template: a sentence and a remedy.
pub(crate) type TemplateProblem = (String, String);

impl Template {
    pub(crate) fn parse(source: &str) -> Result<Template, TemplateProblem> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((text, after)) = rest.split_once("{{") {
            let (name, tail) = after.split_once("}}").ok_or_else(|| {
                (
                    "A `{{` is not closed".to_owned(),
                    "Close the variable with `}}`".to_owned(),
                )
            })?;
            parts.push(Part::Text(text.to_owned()));
            parts.push(Part::Variable(variable(name.trim())?));
            rest = tail;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Template::of(source.to_owned(), parts))
    }

    pub(crate) fn of(source: String, parts: Vec<Part>) -> Template {
        let parts = parts
            .into_iter()
            .filter(|part| *part != Part::Text(String::new()))
            .collect();
        Template { source, parts }
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Variable(_) => None,
        })
    }

    /// Writes the text for a log. Nothing is escaped: that is the log format's own duty. Names come from whatever
    /// certificate was presented, verified or not. At most 8 KiB are written.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn render_for_log(&self, facts: &impl Facts, out: &mut dyn Write) -> fmt::Result {
        let mut out = Bounded {
            out,
            left: MAX_RENDERED_BYTES,
        };
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => out.write_str(text),
            Part::Variable(variable) => variable.write(facts, &mut out),
        })
    }

    /// Writes the text for a header. What is not visible ASCII becomes `%XX`, so that no name or path can end the
    /// header (threats C4.2); in values from the certificate `%` is escaped too, so that the origin can undo it.
    /// `client_verified` is [`Decision::client_verified`](crate::Decision::client_verified): without it, variables
    /// that speak of the certificate are empty. At most 8 KiB are written.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn render_for_header(
        &self,
        facts: &impl Facts,
        client_verified: bool,
        out: &mut dyn Write,
    ) -> fmt::Result {
        let mut out = Bounded {
            out,
            left: MAX_RENDERED_BYTES,
        };
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => out.write_str(text),
            Part::Variable(variable) if variable.is_identity() && !client_verified => Ok(()),
            Part::Variable(variable) => {
                let mut out = Visible {
                    out: &mut out,
                    escape_percent: variable.is_identity(),
                };
                variable.write(facts, &mut out)
            }
        })
    }
}

fn variable(name: &str) -> Result<Variable, TemplateProblem> {
    let Some(builtin) = name.strip_prefix("builtin.") else {
        let detail = format!("{} is not a `builtin.` variable", quote(name));
        return Err((
            detail,
            "Write the value itself; only {{builtin.…}} variables are known".to_owned(),
        ));
    };
    VARIABLES
        .iter()
        .find(|(known, _)| *known == builtin)
        .map(|(_, variable)| *variable)
        .ok_or_else(|| {
            let remedy = nearest(builtin, VARIABLES.iter().map(|(known, _)| *known));
            (format!("There is no variable {}", quote(name)), remedy)
        })
}

/// Writes up to a number of bytes and drops the rest.
struct Bounded<'a> {
    out: &'a mut dyn Write,
    left: usize,
}

impl Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.floor_char_boundary(self.left);
        self.left = if end < text.len() { 0 } else { self.left - end };
        self.out.write_str(text.get(..end).unwrap_or_default())
    }
}

/// Writes visible ASCII as it is and everything else as `%XX`.
struct Visible<'a, 'b> {
    out: &'a mut Bounded<'b>,
    escape_percent: bool,
}

impl Write for Visible<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().try_for_each(|byte| match byte {
            b'%' if self.escape_percent => self.out.write_str("%25"),
            b' '..=b'~' => self.out.write_char(char::from(byte)),
            other => write!(self.out, "%{other:02X}"),
        })
    }
}
