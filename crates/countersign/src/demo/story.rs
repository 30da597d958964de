//! What a new user reads: commands to copy, each with what to expect.

use countersign_snapshot::Network;

use super::Demo;
use super::pki::HOSTNAME;
use crate::instance::{Control, Instance};
use crate::shell;

/// The story, in under a screen.
pub(crate) fn tell(instance: &Instance, control: &Control, demo: &Demo) -> String {
    let dir = shell::word(demo.dir().display());
    let api = control.api_url();
    let port = |network| {
        instance
            .address(network)
            .map_or(0, |address| address.port())
    };
    let production = port(Network::Production);
    let staging = port(Network::Staging);
    let authority = control.api_authority().map_or_else(String::new, |path| {
        format!(" --cacert {}", shell::word(path.display()))
    });
    let ca_set = demo.ca_set();
    let stop = if demo.is_new() {
        "The demo is set up"
    } else {
        "The demo is as you left it"
    };
    format!(
        "\
{stop}: control API {api}, production on port {production}, staging on port {staging}. Ctrl-C stops.

  D={dir}; edge=\"curl --cacert $D/server-ca.pem\"; site=https://{HOSTNAME}:{production}

  $edge --cert $D/alice.pem $site/        # 200; the origin shows Client-Cert: it knows who called
  $edge --cert $D/root-signed.pem $site/  # 200; signed by the root itself
  $edge $site/                            # 403 missing: no certificate
  $edge --cert $D/unknown.pem $site/      # 403 unknown_issuer
  $edge --cert $D/expired.pem $site/      # 403 expired
  $edge $site/open/                       # 200; this path needs no certificate

Stop trusting the demo's CA. In another terminal, first watch one connection:

  $edge --cert $D/alice.pem --rate 2/s -s -o /dev/null -w '%{{http_code}}\\n' \"$site/?[1-120]\"

then make version 2, which holds another CA, and activate it: within a second 200 becomes 403.

  set=\"{api}/mtls-edge-truststore/v2/ca-sets/{ca_set}\"
  api=\"curl -sS{authority} -H @$D/authorization\"
  $api --json @$D/version-2.json $set/versions
  $api --json '{{\"network\":\"PRODUCTION\"}}' $set/versions/2/activate
  $api --json '{{\"network\":\"PRODUCTION\"}}' $set/versions/1/activate   # and back
"
    )
}
