//! Ending some of very many connections: real sockets for those that end and for those whose latency is measured, the rest registered as
//! they are after their handshake. The large size is a benchmark; `docs/performance.md` says how to run it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_testkit::{Ca, wait};
use countersign_trust::{
    Certificate, Crl, ManualRevocation, RevocationIndex, RevocationIndexBuilder, Sha1Signatures,
};

mod asking;
mod report;
mod scene;

use asking::Asking;
use report::Report;
use scene::{Others, Scene};

/// How many connections there are, and how often they are changed.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// With sockets; these are ended by an activation.
    sockets: usize,
    /// Without, for each of two CAs.
    others: usize,
    /// Of the others, how many each of the other changes ends.
    ended: usize,
    /// How many connections have the same certificate.
    shared: usize,
    rounds: usize,
    /// Requests of others to be looked at before each change.
    requests: usize,
}

/// What is going on while connections end.
struct Run {
    size: Size,
    scene: Scene,
    asking: Asking,
    of_b: Others,
    of_c: Others,
    generation: u64,
    report: Report,
}

impl Run {
    async fn new(size: Size) -> Self {
        let scene = Scene::new().await;
        let [_, b, c] = scene.cas.clone();
        // The first of C end with time, so many in each round.
        let ends = |number: usize| {
            (number < size.rounds * size.ended).then(|| end_of_round(number / size.ended))
        };
        let of_b = scene.register(&b, size.others, size.shared, |_| None);
        let of_c = scene.register(&c, size.others, size.shared, ends);
        assert_eq!(scene.edge.node().registry.len(), 2 * size.others);
        Self {
            asking: scene.ask(8).await,
            size,
            scene,
            of_b,
            of_c,
            generation: 1,
            report: Report::default(),
        }
    }

    /// Every client of A has a socket, and sees its end.
    async fn activation(&mut self) {
        let [a, b, c] = self.scene.cas.clone();
        self.scene.activate(&[a, b.clone(), c.clone()]).await;
        let mut sockets = self.scene.sockets(self.size.sockets).await;
        self.scene.swept().await;
        let quiet = self.quiet().await;
        let began = Instant::now();
        self.scene.activate(&[b, c]).await;
        while sockets.join_next().await.is_some() {}
        self.note("activation without their CA", quiet, began).await;
    }

    async fn crl(&mut self, round: usize) {
        let (size, index) = (self.size, self.index(round + 1, round));
        let quiet = self.quiet().await;
        let began = Instant::now();
        self.scene.revoke(index);
        let part = round * size.ended..(round + 1) * size.ended;
        self.of_b.end(part).await;
        self.note("CRL of the CA of half of them", quiet, began)
            .await;
    }

    async fn by_hand(&mut self, round: usize) {
        let (size, index) = (self.size, self.index(round + 1, round + 1));
        let quiet = self.quiet().await;
        let began = Instant::now();
        self.scene.revoke(index);
        let part = size.others - (round + 1) * size.ended..size.others - round * size.ended;
        self.of_c.end(part).await;
        self.note("revocation by hand", quiet, began).await;
    }

    async fn expiry(&mut self, round: usize) {
        let size = self.size;
        let quiet = self.quiet().await;
        let began = Instant::now();
        self.scene
            .later(end_of_round(round) - countersign_testkit::NOW);
        let part = round * size.ended..(round + 1) * size.ended;
        self.of_c.end(part).await;
        self.note("end of validity", quiet, began).await;
    }

    /// The revocations of so many rounds: a CRL of B, and by hand the last of C.
    fn index(&mut self, of_crl: usize, by_hand: usize) -> RevocationIndex {
        let [_, b, c] = &self.scene.cas;
        let authorities = [b, c].map(|ca: &Ca| Certificate::from_der(ca.der()).unwrap());
        let list = self.of_b.0[..of_crl * self.size.ended]
            .iter()
            .fold(b.crl(), |crl, other| crl.revoke(&other.credential))
            .issue();
        self.generation += 1;
        let mut index = RevocationIndexBuilder::new(self.generation);
        index.crl(Arc::new(
            Crl::load(&list, &authorities, Sha1Signatures::Refuse).unwrap(),
        ));
        for other in &self.of_c.0[self.size.others - by_hand * self.size.ended..] {
            let certificate = Certificate::from_der(other.credential.der()).unwrap();
            let revocation = ManualRevocation::Certificate(certificate.fingerprint());
            index.manual(None, revocation);
        }
        index.build()
    }

    /// What others' requests take without a change.
    async fn quiet(&mut self) -> Vec<Duration> {
        let began = Instant::now();
        self.asking.more(self.size.requests).await;
        self.asking.between(began, Instant::now())
    }

    /// To be called when all that are concerned have ended.
    async fn note(&mut self, what: &'static str, quiet: Vec<Duration>, began: Instant) {
        let took = began.elapsed();
        self.scene.swept().await;
        let meanwhile = self.asking.between(began, Instant::now());
        self.report.note(what, took, quiet, meanwhile);
        assert!(self.asking.go_on(), "connections that nothing concerned");
        for others in [&self.of_b, &self.of_c] {
            assert_eq!(
                others.wrongly_ended(),
                0,
                "connections that nothing concerned"
            );
        }
    }
}

fn end_of_round(round: usize) -> i64 {
    countersign_testkit::NOW + 10 * (i64::try_from(round).unwrap() + 1)
}

async fn run(size: Size) {
    let mut run = Run::new(size).await;
    for round in 0..size.rounds {
        run.activation().await;
        run.crl(round).await;
        run.by_hand(round).await;
        run.expiry(round).await;
    }
    print!("{}", run.report);
}

#[tokio::test]
async fn of_many_connections_exactly_those_that_a_change_concerns_end() {
    run(Size {
        sockets: 50,
        others: 2_000,
        ended: 200,
        shared: 20,
        rounds: 1,
        requests: 20,
    })
    .await;
}

#[tokio::test]
#[ignore = "a benchmark, for a release build: docs/performance.md"]
async fn of_a_hundred_thousand_connections_the_thousand_that_a_change_concerns_end() {
    run(Size {
        sockets: 1_000,
        others: 49_500,
        ended: 1_000,
        shared: 1,
        rounds: 9,
        requests: 1_000,
    })
    .await;
}

/// Whoever is idle must not keep every snapshot that ever was.
#[tokio::test]
async fn idle_connections_keep_no_snapshot_that_is_not_in_force_any_more() {
    let mut scene = Scene::new().await;
    let [a, b, c] = scene.cas.clone();
    let others = scene.register(&b, 10, 1, |_| None);
    let before = Arc::downgrade(&scene.edge.node().enforced().unwrap());
    // The first changes the policy, the second nothing.
    for cas in [[a, b.clone()], [b.clone(), c]] {
        let earlier = Arc::downgrade(&scene.edge.node().enforced().unwrap());
        scene.activate(&cas).await;
        wait::until_async("the earlier snapshot to be gone", async || {
            match earlier.strong_count() {
                0 => Ok(()),
                count => Err(count),
            }
        })
        .await;
    }
    assert_eq!(before.strong_count(), 0);
    assert_eq!(others.wrongly_ended(), 0);
}
