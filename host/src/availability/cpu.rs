//! How busy others keep the machine, and what is made of it. A machine is somebody's: when its owner needs
//! it, the worker steps back, and it does so neither for a moment's load nor back and forth.

use jiff::Timestamp;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// So many looks in a row above the limit make the machine busy. With one every 2 s, what takes less than
/// some 5 s does not count.
const LOOKS_BUSY: u32 = 3;

/// So many looks in a row below the limit make it free again: half a minute, because going away and
/// coming back costs placements that move.
const LOOKS_FREE: u32 = 15;

/// Tells how busy others keep the machine.
pub(super) trait Sampler: Send {
    /// The share of all its processors that others used since the last look, percent; `None` when that
    /// cannot be told.
    fn others_percent(&mut self) -> Option<f32>;
}

/// Whether others need the machine.
#[derive(Debug)]
pub(super) struct Others {
    max_percent: u8,
    /// Looks in a row that speak against what is held.
    against: u32,
    busy: Option<Busy>,
}

/// Others need the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Busy {
    pub(super) since: Timestamp,
    pub(super) percent: f32,
}

impl Others {
    pub(super) fn new(max_percent: u8) -> Self {
        Self { max_percent, against: 0, busy: None }
    }

    /// Takes in one look. One at the limit is not above it; one that tells nothing changes nothing.
    pub(super) fn observe(&mut self, now: Timestamp, percent: Option<f32>) {
        let Some(percent) = percent else { return };
        let is_above = percent > f32::from(self.max_percent);
        if is_above == self.busy.is_some() {
            self.against = 0;
            return;
        }
        self.against += 1;
        if is_above && self.against >= LOOKS_BUSY {
            (self.busy, self.against) = (Some(Busy { since: now, percent }), 0);
        } else if !is_above && self.against >= LOOKS_FREE {
            (self.busy, self.against) = (None, 0);
        }
    }

    pub(super) fn busy(&self) -> Option<Busy> {
        self.busy
    }

    pub(super) fn max_percent(&self) -> u8 {
        self.max_percent
    }
}

/// This machine, as far as its system lets itself be asked.
pub(super) struct Machine(Option<(System, Pid)>);

impl Machine {
    pub(super) fn new() -> Self {
        Self(System::new().ok().zip(sysinfo::get_current_pid().ok()))
    }
}

impl Sampler for Machine {
    fn others_percent(&mut self) -> Option<f32> {
        let (system, own) = self.0.as_mut()?;
        system.refresh_cpu_usage();
        let own_cpu = ProcessRefreshKind::nothing().with_cpu().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[*own]), false, own_cpu);
        // of one processor, while the other is of all of them together
        let processors = system.cpus().len().max(1) as f32;
        let own_percent = system.process(*own)?.cpu_usage() / processors;
        Some((system.global_cpu_usage() - own_percent).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Whether the machine is busy after each of these looks.
    fn looks(others: &mut Others, percents: &[f32]) -> Vec<bool> {
        let busy = |percent: &f32| {
            others.observe(Timestamp::UNIX_EPOCH, Some(*percent));
            others.busy().is_some()
        };
        percents.iter().map(busy).collect()
    }

    #[test]
    fn three_looks_in_a_row_make_it_busy_and_fewer_do_not() {
        let mut others = Others::new(50);
        assert_eq!(looks(&mut others, &[90.0, 90.0, 50.0, 51.0, 60.0]), [false; 5]);
        assert_eq!(looks(&mut others, &[70.0]), [true]);
        assert_eq!(others.busy().unwrap().percent, 70.0);
    }

    #[test]
    fn fifteen_looks_in_a_row_make_it_free_again() {
        let mut others = Others::new(50);
        looks(&mut others, &[90.0; 3]);
        assert_eq!(looks(&mut others, &[10.0; 14]), [true; 14]);
        assert_eq!(looks(&mut others, &[90.0]), [true], "one look above begins it anew");
        assert_eq!(looks(&mut others, &[10.0; 14]), [true; 14]);
        assert_eq!(looks(&mut others, &[50.0]), [false]);
    }

    #[test]
    fn a_look_that_tells_nothing_changes_nothing() {
        let mut others = Others::new(50);
        looks(&mut others, &[90.0; 2]);
        others.observe(Timestamp::UNIX_EPOCH, None);
        assert_eq!(looks(&mut others, &[90.0]), [true]);
    }

    #[test]
    fn work_of_this_process_is_not_work_of_others() {
        let mut machine = Machine::new();
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut seen = vec![];
        // more than once, because the system counts in ticks and the looks are not at the same instant
        for _ in 0..10 {
            machine.others_percent();
            let (began, own) = (Instant::now(), cpu_time::ProcessTime::now());
            std::thread::scope(|threads| {
                for _ in 0..processors {
                    threads.spawn(|| while began.elapsed() < Duration::from_millis(500) {});
                }
            });
            let others = machine.others_percent().unwrap();
            let share = own.elapsed().as_secs_f32() / began.elapsed().as_secs_f32();
            let own = 100.0 * share / processors as f32;
            let all = machine.0.as_ref().unwrap().0.global_cpu_usage();
            seen.push((own, others, all));
            if own > 4.0 && (all - others - own).abs() < own / 2.0 {
                return;
            }
        }
        panic!("own, others, all, percent: {seen:?}");
    }
}
