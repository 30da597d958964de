//! Certificates as operators make them: with the `openssl` command line, step by step, in a directory of their own.
//!
//! They are valid from the real now on, not around [`NOW`](crate::NOW): OpenSSL 3.0 takes no other beginning.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::{Credential, Key, der};

/// A directory in which `openssl` runs.
#[derive(Debug)]
pub struct OpenSsl {
    directory: TempDir,
}

/// An authority made with `openssl`. Its files are `NAME.key` and `NAME.pem`.
#[derive(Debug)]
pub struct OpenSslCa<'o> {
    openssl: &'o OpenSsl,
    name: String,
    /// What its key file is encrypted with; empty for a key in the clear.
    password: &'static str,
    /// From this authority up to, without, the root.
    chain: Vec<Vec<u8>>,
}

/// How a client certificate is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// X.509 v3 with clientAuth, SHA-256.
    Modern,
    /// The same with SHA-1.
    Sha1,
    /// `openssl x509 -req` without an extension file: X.509 v1.
    Version1,
}

const ROOT_CONF: &str = "\
[req]
distinguished_name = dn
x509_extensions = v3_ca
prompt = no
[dn]
C = US
O = Example Corp
CN = NAME
[v3_ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, cRLSign, keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always, issuer
";

const INTERMEDIATE_EXTENSIONS: &str = "\
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, cRLSign, keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer
";

const CLIENT_EXTENSIONS: &str = "\
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer
";

impl OpenSsl {
    /// An empty directory.
    pub fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `openssl` with these arguments, separated by spaces, in the directory.
    ///
    /// # Errors
    ///
    /// Everything it wrote, when it fails.
    pub fn try_run(&self, arguments: &str) -> Result<String, String> {
        let output = Command::new("openssl")
            .args(arguments.split_ascii_whitespace())
            .current_dir(self.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() {
            Ok(text)
        } else {
            Err(text)
        }
    }

    /// Runs `openssl` with these arguments, separated by spaces, in the directory; returns what it wrote.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn run(&self, arguments: &str) -> String {
        self.try_run(arguments)
            .unwrap_or_else(|complaint| panic!("openssl {arguments}: {complaint}"))
    }

    /// Writes a file into the directory.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Reads a file of the directory.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// An RSA-4096 root with a triple-DES encrypted key, as many guides make it:
    /// `genrsa -des3`, then `req -x509 -config root.conf -sha256 -days 1024`.
    pub fn root(&self, name: &str) -> OpenSslCa<'_> {
        self.write(&format!("{name}.conf"), &ROOT_CONF.replace("NAME", name));
        self.run(&format!(
            "genrsa -des3 -passout pass:secret -out {name}.key 4096"
        ));
        self.run(&format!(
            "req -x509 -new -key {name}.key -passin pass:secret -config {name}.conf -sha256 -days 1024 -out {name}.pem"
        ));
        OpenSslCa {
            openssl: self,
            name: name.to_owned(),
            password: "secret",
            chain: Vec::new(),
        }
    }

    /// An RSA key of any size, also one too short to be used elsewhere.
    pub fn rsa_key(&self, bits: u16) -> Key {
        self.run(&format!("genrsa -out any.key {bits}"));
        self.run("pkcs8 -topk8 -nocrypt -in any.key -out any.pkcs8");
        self.run("rsa -in any.key -pubout -out any.pub");
        Key::opaque(self.only_block("any.pkcs8"), self.only_block("any.pub"))
    }

    /// What `openssl verify` says of a chain (PEM, leaf first) at a moment in seconds since the epoch, trusting `roots` (PEM).
    /// The purpose is one of its own: `sslclient`, `sslserver`, `any`.
    ///
    /// # Errors
    ///
    /// Its complaints.
    pub fn verify(&self, roots: &str, chain: &str, purpose: &str, at: i64) -> Result<(), String> {
        self.write("verify-roots.pem", roots);
        self.write("verify-chain.pem", chain);
        self.try_run(&format!(
            "verify -x509_strict -purpose {purpose} -attime {at} -CAfile verify-roots.pem -untrusted verify-chain.pem verify-chain.pem"
        ))
        .map(drop)
    }

    fn only_block(&self, file: &str) -> Vec<u8> {
        der::pem_blocks(&self.read(file)).swap_remove(0).1
    }
}

impl Default for OpenSsl {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenSslCa<'_> {
    /// The certificate file as it is.
    pub fn pem(&self) -> String {
        self.openssl.read(&format!("{}.pem", self.name))
    }

    /// The certificate.
    pub fn der(&self) -> Vec<u8> {
        self.openssl.only_block(&format!("{}.pem", self.name))
    }

    /// An RSA-2048 intermediate with a key in the clear, that may only issue to clients.
    pub fn intermediate(&self, name: &str) -> Self {
        self.openssl
            .write("intermediate.ext", INTERMEDIATE_EXTENSIONS);
        self.sign(name, "-sha256 -days 512 -extfile intermediate.ext");
        let mut intermediate = Self {
            openssl: self.openssl,
            name: name.to_owned(),
            password: "",
            chain: Vec::new(),
        };
        intermediate.chain.push(intermediate.der());
        intermediate.chain.extend(self.chain.iter().cloned());
        intermediate
    }

    /// An RSA-2048 client.
    pub fn client(&self, name: &str, form: Form) -> Credential {
        self.openssl.write("client.ext", CLIENT_EXTENSIONS);
        self.sign(
            name,
            match form {
                Form::Modern => "-sha256 -days 256 -extfile client.ext",
                Form::Sha1 => "-sha1 -days 256 -extfile client.ext",
                Form::Version1 => "-sha256 -days 256",
            },
        );
        let mut chain = vec![self.openssl.only_block(&format!("{name}.pem"))];
        chain.extend(self.chain.iter().cloned());
        let key = self.openssl.read(&format!("{name}.key"));
        Credential::from_parts(chain, Key::from_pem(&key))
    }

    /// Key, request and certificate of `name`.
    fn sign(&self, name: &str, options: &str) {
        let Self {
            openssl,
            name: issuer,
            password,
            ..
        } = self;
        openssl.run(&format!(
            "req -new -newkey rsa:2048 -nodes -keyout {name}.key -subj /C=US/O=Example/CN={name} -out {name}.csr"
        ));
        openssl.run(&format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -passin pass:{password} -CAcreateserial {options} -out {name}.pem"
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_operators_make_is_what_was_asked_for() {
        let openssl = OpenSsl::new();
        let root = openssl.root("root");
        let issuing = root.intermediate("issuing");
        assert!(openssl.read("root.key").contains("ENCRYPTED"));

        let direct = root.client("direct", Form::Modern);
        let below = issuing.client("below", Form::Modern);
        // Only now: what was made a moment ago was not valid before.
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let now = i64::try_from(now.as_secs()).unwrap();
        let verify = |client: &Credential| {
            openssl.verify(&root.pem(), &client.chain_pem(), "sslclient", now)
        };
        assert_eq!((direct.chain_der().len(), below.chain_der().len()), (1, 2));
        assert_eq!(verify(&direct), Ok(()));
        assert_eq!(verify(&below), Ok(()));
        let later = openssl.verify(
            &root.pem(),
            &below.chain_pem(),
            "any",
            now + 300 * crate::DAY,
        );
        assert!(later.unwrap_err().contains("expired"));

        let text = |name: &str| openssl.run(&format!("x509 -noout -text -in {name}.pem"));
        issuing.client("old", Form::Sha1);
        assert!(text("old").contains("sha1WithRSAEncryption"));
        issuing.client("ancient", Form::Version1);
        assert!(text("ancient").contains("Version: 1 (0x0)"));
    }

    #[test]
    fn a_key_too_short_can_be_certified() {
        let openssl = OpenSsl::new();
        let weak = crate::Pki::new()
            .root("Demo Root")
            .client("weak")
            .key(&openssl.rsa_key(1024));
        openssl.write("weak.pem", &weak.issue().pem());
        assert!(
            openssl
                .run("x509 -noout -text -in weak.pem")
                .contains("(1024 bit)")
        );
    }
}
