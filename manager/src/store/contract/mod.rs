//! What every store promises, as functions that each implementation's tests run on a fresh store.
//! One function, one promise; nothing here knows which database is behind the trait.

pub(in crate::store) mod app_data;
pub(in crate::store) mod app_settings;
pub(in crate::store) mod apps;
pub(in crate::store) mod credentials;
pub(in crate::store) mod kv;
pub(in crate::store) mod kv_bytes;
pub(in crate::store) mod leases;
pub(in crate::store) mod rollouts;
pub(in crate::store) mod values;
pub(in crate::store) mod workers;

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use steading_protocol::api::Placement;
use steading_protocol::desired::{PlacementReport, PlacementState, PlacementsReport};
use steading_protocol::{
    AppLimits, AppName, AuthLevel, Availability, Capacity, Digest, FunctionSpec, Generation,
    Grants, HttpTrigger, Labels, Limits, PlacementRules, Trigger, VersionNumber, WorkerId,
};

use super::{NewGrants, NewModule, NewVersion, NewWorker, Publishing, Store};
use crate::auth::SecretHash;
use crate::schedule::plan;

/// Names every promise once; an implementation passes a macro that makes a test of each.
macro_rules! promises {
    ($test:ident) => {
        $test!(apps::a_publish_makes_the_app_its_version_and_its_modules);
        $test!(apps::the_same_package_again_changes_nothing);
        $test!(apps::the_first_app_is_the_default_and_another_can_become_it);
        $test!(apps::a_host_leads_to_one_app);
        $test!(apps::a_removed_app_leaves_nothing_and_its_numbers_are_not_given_again);
        $test!(apps::a_module_stays_while_another_version_needs_it);
        $test!(workers::a_worker_keeps_its_id_by_name_and_its_old_token_dies);
        $test!(workers::a_generation_grows_with_a_change_and_only_then);
        $test!(workers::the_desired_state_is_whole_and_in_order);
        $test!(workers::a_generation_can_be_raised_above_the_workers);
        $test!(workers::old_placements_stay_until_the_report_drops_them);
        $test!(workers::a_report_of_an_unknown_version_is_given_back);
        $test!(workers::a_silent_worker_is_lost_and_comes_back);
        $test!(workers::a_worker_that_leaves_loses_token_and_placements);
        $test!(workers::workers_that_are_gone_are_forgotten_in_time);
        $test!(rollouts::a_version_is_rolled_out_beside_the_one_in_service);
        $test!(rollouts::a_stopped_roll_out_says_why_and_can_begin_anew);
        $test!(rollouts::going_back_takes_effect_at_once);
        $test!(rollouts::a_share_of_calls_is_kept_and_told);
        $test!(rollouts::workers_are_told_what_code_to_hold);
        $test!(rollouts::a_host_goes_with_the_version_that_has_it);
        $test!(rollouts::what_a_worker_offers_is_kept_and_counted_as_a_change);
        $test!(app_data::a_version_asks_for_no_more_than_the_newest_until_somebody_allows_it);
        $test!(app_data::settings_reach_the_workers_that_may_read_them_with_a_new_generation);
        $test!(app_data::two_spellings_are_one_setting_and_a_resealed_one_changes_nothing_else);
        $test!(app_data::what_belongs_to_an_app_goes_with_it);
        $test!(app_data::a_worker_is_told_the_grants_of_what_it_has_alone);
        $test!(app_settings::the_text_of_a_setting_comes_back_as_it_was);
        $test!(app_settings::a_secret_is_resealed_only_where_it_stands_as_it_was_read);
        $test!(app_settings::a_setting_written_at_once_is_one_of_them_whole);
        $test!(kv::a_store_does_what_a_map_does);
        $test!(kv::increments_at_once_are_all_counted);
        $test!(kv::of_those_who_saw_the_same_revision_one_may_write);
        $test!(kv::a_removed_and_rewritten_entry_is_another_one);
        $test!(kv::keys_are_listed_by_their_bytes_in_pages);
        $test!(kv::a_value_and_an_app_have_their_limits);
        $test!(kv_bytes::keys_that_look_alike_are_apart);
        $test!(kv_bytes::values_are_bytes_of_any_length);
        $test!(kv_bytes::a_page_begins_after_its_key_also_when_that_is_gone);
        $test!(kv_bytes::writers_at_once_do_not_fill_more_than_the_app_may_have);
        $test!(kv_bytes::nothing_is_kept_for_an_app_that_is_not_there);
        $test!(kv_bytes::an_app_that_is_removed_while_it_writes_takes_everything_along);
        $test!(credentials::sessions_are_kept_touched_and_forgotten);
        $test!(credentials::tokens_are_found_by_hash_until_revoked);
        $test!(credentials::a_setting_is_inserted_once_and_can_be_put);
        $test!(apps::publishing_at_once_gives_every_version_its_own_number);
        $test!(leases::a_lease_is_one_owners_until_it_ends_or_is_given_back);
        $test!(leases::claims_at_once_never_give_one_lease_to_two_owners);
        $test!(leases::the_clock_goes_on_and_is_near_this_machines);
        $test!(leases::a_change_of_apps_or_generations_is_counted);
        $test!(values::times_are_kept_to_the_microsecond);
        $test!(values::text_of_any_script_comes_back);
        $test!(values::a_module_of_50_mib_comes_back_intact);
    };
}

pub(in crate::store) use promises;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn name(text: &str) -> AppName {
    text.parse().unwrap()
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

/// A version whose only module has these bytes.
pub(in crate::store) fn version(app: &str, bytes: &[u8]) -> NewVersion {
    let module = NewModule { digest: digest(bytes), bytes: Bytes::copy_from_slice(bytes) };
    let function = FunctionSpec {
        name: "f".parse().unwrap(),
        module: module.digest.clone(),
        export: "e".into(),
        trigger: Trigger::Http(HttpTrigger {
            route: "f/{id?}".parse().unwrap(),
            methods: vec![],
            auth: AuthLevel::Anonymous,
        }),
        limits: Limits::default(),
    };
    NewVersion {
        app: name(app),
        package: digest(&[b"package of ", bytes].concat()),
        size_bytes: bytes.len() as u64,
        hosts: vec![],
        modules: vec![module],
        functions: vec![function],
        limits: AppLimits { in_flight_max: Some(7) },
        placement: PlacementRules::default(),
        grants: Grants::default(),
        new_grants: NewGrants::Refused,
        percent: 100,
        default: false,
    }
}

async fn publish(store: &dyn Store, app: &str, bytes: &[u8]) -> VersionNumber {
    let published = store.version_publish(version(app, bytes), at(0)).await.unwrap();
    planned(store).await;
    match published {
        Publishing::Created(version) | Publishing::Same(version) => version,
        refused => panic!("{refused:?}"),
    }
}

fn joining(label: &str, earlier: Option<&WorkerId>, token: &str) -> NewWorker {
    NewWorker {
        earlier: earlier.cloned(),
        fresh: format!("w-{token}").parse().unwrap(),
        name: label.into(),
        url: "http://w".into(),
        release: "0".into(),
        platform: "linux/x86_64".into(),
        labels: Labels::from([("zone".to_owned(), "plant-2".to_owned())]),
        capacity: Capacity { memory_bytes: 1 << 30, instances: 100 },
        availability: Availability::default(),
        modules: vec![digest(label.as_bytes())],
        token: SecretHash::of(token),
    }
}

/// Applies the plan; the workers whose generation grew.
async fn planned(store: &dyn Store) -> Vec<WorkerId> {
    store.plan_apply(plan, at(1)).await.unwrap().workers
}

async fn join(store: &dyn Store, label: &str) -> WorkerId {
    let worker = store.worker_join(joining(label, None, label), at(0)).await.unwrap();
    planned(store).await;
    worker
}

async fn report(
    store: &dyn Store,
    worker: &WorkerId,
    placements: &[(&str, u32, PlacementState)],
) -> Vec<PlacementReport> {
    let placements = placements.iter().map(|(app, version, state)| PlacementReport {
        app: name(app),
        version: VersionNumber(*version),
        state: *state,
        detail: None,
    });
    let report = PlacementsReport {
        generation: Generation(0),
        applied: Generation(0),
        placements: placements.collect(),
    };
    store.placement_report(worker, report, at(1)).await.unwrap()
}

async fn states(store: &dyn Store) -> Vec<(String, u32, PlacementState)> {
    let of = |p: Placement| (p.app.to_string(), p.version.0, p.state);
    store.placement_list(None).await.unwrap().into_iter().map(of).collect()
}

async fn generation(store: &dyn Store, worker: &WorkerId) -> u64 {
    store.desired_generation(worker).await.unwrap().unwrap().0
}

/// Polls all futures at once; answers in their order.
pub(in crate::store) async fn futures_in_order<F: Future>(
    futures: impl Iterator<Item = F>,
) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |context| {
        for (future, output) in &mut pending {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if pending.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(pending.drain(..).filter_map(|(_, output)| output).collect())
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}
