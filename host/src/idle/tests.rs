//! The shelf with a clock of the test's own, and what watches over it.

use std::time::Duration;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn shelf(items: &[(Owner, Instant, &'static str)]) -> Shelf<&'static str> {
    let mut shelf = Shelf(vec![]);
    for (owner, until, thing) in items.iter().copied() {
        shelf.put(Item { owner, until, thing });
    }
    shelf
}

#[test]
fn what_is_taken_is_the_owners_own_and_the_one_that_was_put_last() {
    let (now, mine, other) = (Instant::now(), Owner::new(), Owner::new());
    let until = now + MS;
    let mut shelf = shelf(&[(mine, until, "a"), (mine, until, "b"), (other, until, "c")]);
    assert_eq!(shelf.take(mine, now), Some("b"));
    assert_eq!(shelf.take(mine, now), Some("a"));
    assert_eq!(shelf.take(mine, now), None);
    assert_eq!(shelf.take(other, now), Some("c"));
    assert_eq!(shelf.take(Owner::new(), now), None);
}

#[test]
fn nothing_is_taken_whose_time_is_over() {
    let (now, mine) = (Instant::now(), Owner::new());
    let mut shelf = shelf(&[(mine, now + 5 * MS, "a")]);
    assert_eq!(shelf.take(mine, now + 5 * MS), None);
    assert_eq!(shelf.take(mine, now + 4 * MS), Some("a"));
}

#[test]
fn what_has_waited_longest_makes_room_first_whatever_time_it_has_left() {
    let (now, mine, other) = (Instant::now(), Owner::new(), Owner::new());
    let mut shelf = shelf(&[(mine, now + 9 * MS, "a"), (other, now + MS, "b")]);
    assert_eq!(shelf.oldest(), Some("a"));
    assert_eq!(shelf.oldest(), Some("b"));
    assert_eq!(shelf.oldest(), None);
}

#[test]
fn each_runs_out_of_its_own_time() {
    let (now, mine, other) = (Instant::now(), Owner::new(), Owner::new());
    let mut shelf = shelf(&[(mine, now + 9 * MS, "a"), (other, now + MS, "b")]);
    assert_eq!(shelf.next_end(), Some(now + MS));
    assert_eq!(shelf.extract(|item| item.until <= now + MS), ["b"]);
    assert_eq!(shelf.next_end(), Some(now + 9 * MS));
    assert_eq!(shelf.extract(|item| item.owner == mine), ["a"]);
    assert_eq!(shelf.next_end(), None);
}

impl Keepable for Arc<()> {
    fn places(&self) -> u32 {
        2
    }
}

async fn drops(thing: &std::sync::Weak<()>) {
    let began = Instant::now();
    while thing.strong_count() > 0 {
        assert!(began.elapsed() < Duration::from_secs(10), "it is kept for good");
        tokio::time::sleep(MS).await;
    }
}

#[tokio::test]
async fn what_nobody_takes_is_dropped_in_time_also_behind_what_may_stay_longer() {
    let (idle, owner) = (Arc::<Idle<Arc<()>>>::default(), Owner::new());
    let (long, short) = (Arc::new(()), Arc::new(()));
    let (long_left, short_left) = (Arc::downgrade(&long), Arc::downgrade(&short));
    let now = Instant::now();
    idle.keep(owner, now + 3600 * 1000 * MS, long);
    tokio::task::yield_now().await;
    idle.keep(owner, now + 30 * MS, short);
    assert_eq!(idle.counts(), (2, 4));
    drops(&short_left).await;
    assert!(now.elapsed() >= 30 * MS);
    assert_eq!(long_left.strong_count(), 1);
    idle.close();
    drops(&long_left).await;
    // the watch ends with the last thing, and begins again with the next
    let again = Arc::<Idle<Arc<()>>>::default();
    for _ in 0..3 {
        let thing = Arc::new(());
        let left = Arc::downgrade(&thing);
        again.keep(owner, Instant::now() + MS, thing);
        drops(&left).await;
    }
}

#[tokio::test]
async fn what_is_forgotten_or_closed_is_dropped_at_once() {
    let (idle, mine, other) = (Arc::<Idle<Arc<()>>>::default(), Owner::new(), Owner::new());
    let until = Instant::now() + 3600 * 1000 * MS;
    let keep = |owner| {
        let thing = Arc::new(());
        let left = Arc::downgrade(&thing);
        idle.keep(owner, until, thing);
        left
    };
    let (one, two) = (keep(mine), keep(other));
    idle.forget(mine);
    assert_eq!((one.strong_count(), two.strong_count()), (0, 1));
    assert!(idle.give_up_one() && !idle.give_up_one());
    assert_eq!(two.strong_count(), 0);
    let three = keep(other);
    idle.close();
    assert_eq!(three.strong_count(), 0);
    assert_eq!(keep(mine).strong_count(), 0, "a worker that stops keeps nothing");
}
