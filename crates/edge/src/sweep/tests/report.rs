//! What the benchmark says.

use std::fmt;
use std::time::Duration;

/// Rounds by what was changed.
#[derive(Default)]
pub(super) struct Report(Vec<(&'static str, Vec<Round>)>);

struct Round {
    took: Duration,
    quiet: Vec<Duration>,
    meanwhile: Vec<Duration>,
}

impl Report {
    pub(super) fn note(
        &mut self,
        what: &'static str,
        took: Duration,
        quiet: Vec<Duration>,
        meanwhile: Vec<Duration>,
    ) {
        let round = Round {
            took,
            quiet,
            meanwhile,
        };
        match self.0.iter_mut().find(|(known, _)| *known == what) {
            Some((_, rounds)) => rounds.push(round),
            None => self.0.push((what, vec![round])),
        }
    }
}

/// Per change the median of the rounds, and the longest of them where all have to keep to something.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, rounds) in &self.0 {
            let of = |times: fn(&Round) -> Duration| rounds.iter().map(times).collect::<Vec<_>>();
            let (took, requests) = (
                of(|round| round.took),
                rounds.iter().map(|round| round.meanwhile.len()),
            );
            writeln!(
                f,
                "{what}: all ended after {:.0} ms (longest {:.0}); p99 of others {:.2} ms before, {:.2} ms meanwhile; p50 {:.2}, {:.2} ({} rounds, {} requests meanwhile)",
                ms(percentile(took.clone(), 50)),
                ms(percentile(took, 100)),
                ms(percentile(
                    of(|round| percentile(round.quiet.clone(), 99)),
                    50
                )),
                ms(percentile(
                    of(|round| percentile(round.meanwhile.clone(), 99)),
                    50
                )),
                ms(percentile(
                    of(|round| percentile(round.quiet.clone(), 50)),
                    50
                )),
                ms(percentile(
                    of(|round| percentile(round.meanwhile.clone(), 50)),
                    50
                )),
                rounds.len(),
                requests.sum::<usize>(),
            )?;
        }
        Ok(())
    }
}

fn percentile(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort_unstable();
    let place = times.len().saturating_sub(1) * percent / 100;
    times.get(place).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
