//! The addresses of an origin, as its names resolve now.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_snapshot::Endpoint as Model;
use tokio::sync::{Mutex, Semaphore};

use super::health::{Health, milliseconds, now};
use super::pool::Pool;
use super::{Origin, OriginError};

/// One IP address and port: its open connections, and how it does.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) socket: SocketAddr,
    pub(super) pool: Pool,
    pub(super) health: Health,
}

/// A name or address of an origin.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) model: Model,
    addresses: ArcSwap<Vec<Arc<Address>>>,
    /// None when there is nothing to look up.
    lookup: Option<Lookup>,
}

#[derive(Debug, Default)]
struct Lookup {
    /// When the addresses are old, in the time of [`now`]; 0 before the first look-up.
    due: AtomicU64,
    running: AtomicBool,
    /// Those who cannot do without an address wait here for one look-up.
    gate: Mutex<()>,
}

/// So many addresses of one name are used.
const ADDRESSES_MAX: usize = 64;
/// The resolver of the system gives up by itself, but late.
const LOOKUP_MAX: Duration = Duration::from_secs(5);
/// After a look-up that failed, while there are no addresses at all.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);
/// The resolver of the system blocks a thread for each name.
static LOOKUPS: Semaphore = Semaphore::const_new(32);

impl Address {
    fn new(socket: SocketAddr, health: Health) -> Arc<Self> {
        Arc::new(Self {
            socket,
            pool: Pool::default(),
            health,
        })
    }
}

impl Endpoint {
    pub(super) fn new(model: &Model) -> Self {
        let address = model.host.parse::<IpAddr>().ok();
        let addresses = address
            .map(|ip| Address::new(SocketAddr::new(ip, model.port), Health::default()))
            .into_iter()
            .collect();
        Self {
            model: model.clone(),
            addresses: ArcSwap::from_pointee(addresses),
            lookup: address.is_none().then(Lookup::default),
        }
    }

    pub(super) fn addresses(&self) -> arc_swap::Guard<Arc<Vec<Arc<Address>>>> {
        self.addresses.load()
    }

    /// Whether its addresses may change.
    pub(super) fn is_name(&self) -> bool {
        self.lookup.is_some()
    }

    fn is_due(&self) -> bool {
        self.lookup
            .as_ref()
            .is_some_and(|lookup| lookup.due.load(Ordering::Relaxed) <= now())
    }

    /// Puts what was found in the place of what was known. Addresses that stay keep their connections; nothing found changes nothing.
    fn replace(&self, mut found: Vec<SocketAddr>) {
        found.sort_unstable();
        found.dedup();
        found.truncate(ADDRESSES_MAX);
        let known = self.addresses.load_full();
        if found.is_empty()
            || known
                .iter()
                .map(|known| known.socket)
                .eq(found.iter().copied())
        {
            return;
        }
        let newcomer = || {
            if known.is_empty() {
                Health::default()
            } else {
                Health::newcomer()
            }
        };
        let addresses = found
            .into_iter()
            .map(|socket| {
                let same = known.iter().find(|known| known.socket == socket);
                same.map_or_else(|| Address::new(socket, newcomer()), Arc::clone)
            })
            .collect();
        self.addresses.store(Arc::new(addresses));
    }

    async fn look_up(&self, origin: &Origin) -> Result<(), OriginError> {
        let Some(lookup) = &self.lookup else {
            return Ok(());
        };
        let found = resolve(self.model.host.clone(), self.model.port).await;
        let every = origin.model.policy.resolve_every;
        let pause = match &found {
            Err(_) if self.addresses().is_empty() => every.min(PAUSE_AFTER_FAILURE),
            _ => every,
        };
        lookup
            .due
            .store(now().saturating_add(milliseconds(pause)), Ordering::Relaxed);
        match found {
            Ok(found) => {
                self.replace(found);
                Ok(())
            }
            Err(error) => {
                origin.counts.lookup_failed();
                Err(OriginError::name(&self.model.host, &error))
            }
        }
    }
}

impl Origin {
    /// Sees to it that names are looked up in time. Waits only when there is no address at all.
    pub(super) async fn resolve(self: &Arc<Self>) -> Result<(), OriginError> {
        if !self.has_names {
            return Ok(());
        }
        let is_empty = || {
            self.endpoints
                .iter()
                .all(|endpoint| endpoint.addresses().is_empty())
        };
        let mut last = Ok(());
        for index in 0..self.endpoints.len() {
            let Some(endpoint) = self.endpoints.get(index) else {
                continue;
            };
            if !is_empty() {
                if endpoint.is_due() {
                    self.look_up_beside(index);
                }
                continue;
            }
            let Some(lookup) = &endpoint.lookup else {
                continue;
            };
            let _turn = lookup.gate.lock().await;
            if endpoint.addresses().is_empty() {
                if endpoint.is_due() {
                    last = endpoint.look_up(self).await;
                } else {
                    last = Err(OriginError::name_failed(&endpoint.model.host));
                }
            }
        }
        if is_empty() { last } else { Ok(()) }
    }

    /// Requests go on with the addresses that are known.
    fn look_up_beside(self: &Arc<Self>, index: usize) {
        let begins = |endpoint: &Endpoint| {
            endpoint
                .lookup
                .as_ref()
                .is_some_and(|lookup| !lookup.running.swap(true, Ordering::Relaxed))
        };
        if !self.endpoints.get(index).is_some_and(begins) {
            return;
        }
        let origin = Arc::clone(self);
        tokio::spawn(async move {
            let Some(endpoint) = origin.endpoints.get(index) else {
                return;
            };
            if let Err(error) = endpoint.look_up(&origin).await {
                tracing::warn!(
                    origin = origin.id(),
                    detail = error.detail,
                    "the origin's last known addresses stay in use"
                );
            }
            if let Some(lookup) = &endpoint.lookup {
                lookup.running.store(false, Ordering::Relaxed);
            }
        });
    }
}

async fn resolve(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let looking = tokio::spawn(async move {
        // Kept for as long as the thread is blocked, whoever waits.
        let _permit = LOOKUPS.acquire().await.map_err(io::Error::other)?;
        let found = tokio::net::lookup_host((host, port)).await?;
        Ok::<_, io::Error>(found.collect::<Vec<_>>())
    });
    match tokio::time::timeout(LOOKUP_MAX, looking).await {
        Ok(Ok(Ok(found))) if found.is_empty() => Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        )),
        Ok(Ok(found)) => found,
        Ok(Err(error)) => Err(io::Error::other(error)),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &str) -> Endpoint {
        Endpoint::new(&Model {
            host: host.to_owned(),
            port: 80,
            weight: 1,
        })
    }

    fn sockets(endpoint: &Endpoint) -> Vec<String> {
        endpoint
            .addresses()
            .iter()
            .map(|address| address.socket.to_string())
            .collect()
    }

    #[test]
    fn an_address_needs_no_look_up() {
        for (host, socket) in [
            ("192.0.2.1", "192.0.2.1:80"),
            ("2001:db8::1", "[2001:db8::1]:80"),
        ] {
            let endpoint = endpoint(host);
            assert_eq!(sockets(&endpoint), [socket]);
            assert!(!endpoint.is_due());
        }
        assert!(endpoint("origin.test").is_due());
    }

    #[test]
    fn addresses_that_stay_keep_what_is_known_about_them() {
        let endpoint = endpoint("origin.test");
        let all = [
            "192.0.2.2:80",
            "192.0.2.1:80",
            "192.0.2.2:80",
            "[2001:db8::1]:80",
        ];
        endpoint.replace(all.iter().map(|socket| socket.parse().unwrap()).collect());
        assert_eq!(
            sockets(&endpoint),
            ["192.0.2.1:80", "192.0.2.2:80", "[2001:db8::1]:80"]
        );
        let kept = Arc::clone(&endpoint.addresses()[1]);
        endpoint.replace(vec!["192.0.2.3:80".parse().unwrap(), kept.socket]);
        assert_eq!(sockets(&endpoint), ["192.0.2.2:80", "192.0.2.3:80"]);
        assert!(Arc::ptr_eq(&kept, &endpoint.addresses()[0]));
        // The new one starts slowly, the known one does not.
        let slow = Duration::from_secs(3600);
        assert!(kept.health.share(slow) > endpoint.addresses()[1].health.share(slow));
        endpoint.replace(Vec::new());
        assert_eq!(sockets(&endpoint), ["192.0.2.2:80", "192.0.2.3:80"]);
    }
}
