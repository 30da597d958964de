//! Everyday life at speed: clients of every protocol, while what is enforced and the configuration change every second. No request may
//! fail and memory may not grow.

mod changes;
mod clients;
mod instance;
mod memory;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use tokio::time::{MissedTickBehavior, interval, sleep};

use self::changes::Changes;
use self::clients::Clients;
use self::instance::Instance;
use self::memory::Memory;

/// A change each.
const PERIOD: Duration = Duration::from_secs(1);
const LINE_PERIOD: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// The program.
    #[arg(long, default_value = "target/release/countersign")]
    countersign: PathBuf,
    /// How long.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Requests per second, in all, as far as the machine keeps up.
    #[arg(long, default_value_t = 60)]
    rate: u32,
    /// By how many percent memory may be larger in the last quarter of the time than in the second. Of short runs it says little.
    #[arg(long, default_value_t = 10)]
    growth: u64,
}

/// Runs it, with a line each minute.
///
/// # Errors
/// When a request or a change failed, or memory grew.
pub(crate) async fn run(soak: Soak) -> Result<()> {
    let instance = Instance::start(&soak.countersign).await?;
    let clients = Clients::start(&instance, soak.rate)?;
    let mut changes = Changes::prepare(&instance).await?;
    let mut memory = Memory::of(instance.process());
    println!("minute  requests  failed  changes  failed  resident MiB");
    let (began, mut line) = (Instant::now(), Instant::now());
    let end = Duration::from_secs_f64(soak.minutes * 60.0);
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while began.elapsed() < end {
        ticks.tick().await;
        changes.next().await;
        memory.sample()?;
        if line.elapsed() >= LINE_PERIOD {
            line += LINE_PERIOD;
            let minute = began.elapsed().as_secs() / 60;
            println!(
                "{minute:6}  {}  {}  {:12.1}",
                clients.so_far(),
                changes.so_far(),
                memory.latest_mib()
            );
        }
    }
    // Changes are over; a request that is under way still counts.
    sleep(PERIOD).await;
    let failures = [clients.end().await, changes.end()].concat();
    let growth = memory.growth_percent();
    println!("{memory}");
    for failure in failures.iter().take(20) {
        println!("failed: {failure}");
    }
    if !failures.is_empty() {
        bail!("{} requests or changes failed", failures.len());
    }
    if growth > soak.growth as f64 {
        bail!("memory grew by {growth:.1} %");
    }
    Ok(())
}
