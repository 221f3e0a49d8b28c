//! A worker whose disk has no room for compiled code: a file system of its own, made small. Mounting one
//! takes the rights for it; without them the test says so and is skipped.

use std::path::Path;
use std::process::Command;

use steading_protocol::api::RolloutState;
use steading_protocol::desired::PlacementState;
use steading_tests::{eventually, http, run};

use super::{APP, SOON, Scene};
use crate::setup::cluster;

/// A file system in memory; unmounted when dropped.
struct Small<'p>(&'p Path);

impl<'p> Small<'p> {
    /// Mounts one over a folder; nothing where that is not allowed.
    fn mount(folder: &'p Path, kib: u64) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("the temporary folder takes a folder");
        let size = format!("size={kib}k");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(folder))
    }

    fn grow(&self, kib: u64) {
        let size = format!("remount,size={kib}k");
        let grown = Command::new("mount").args(["-o", &size]).arg(self.0).status();
        assert!(grown.is_ok_and(|status| status.success()));
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // lazily: a worker that still runs may have code mapped from it
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_of_the_module_cache_stops_nothing_and_is_got_over() {
    run(async {
        let folder = steading_tests::scratch();
        let state = folder.path().join("small");
        let Some(small) = Small::mount(&state, 4096) else {
            println!("SKIPPED: a_full_disk_of_the_module_cache: no right to mount a file system");
            assert!(std::env::var_os("CI").is_none(), "CI has that right");
            return;
        };
        let builder = cluster().worker_state_dir(0, &state);
        let mut scene = Scene::start(builder, 2).await;
        let load = scene.load();
        let ballast = state.join("ballast");
        let filled = std::fs::write(&ballast, vec![0_u8; 4 << 20]);
        assert!(filled.is_err(), "the disk is full");

        scene.publish(APP, 2).await;
        eventually("the worker to say that its disk is full", SOON, || async {
            let placements = scene.cluster.api().placements(APP).await;
            let full = placements.iter().find(|row| {
                row.worker_name == "worker-0"
                    && row.state == PlacementState::Loading
                    && row.detail.as_deref().is_some_and(|why| why.contains("No space left"))
            });
            full.map(drop).ok_or_else(|| format!("{placements:?}"))
        })
        .await;
        let rolling = scene.cluster.api().status().await.apps[0].rollout.clone();
        assert_eq!(rolling.map(|rollout| rollout.state), Some(RolloutState::Rolling));
        assert_eq!(http::get(&scene.url()).await.text(), "the steady guest, version 1");

        std::fs::remove_file(&ballast).expect("the ballast can be removed");
        small.grow(64 << 10);
        scene.in_service().await;
        assert_eq!(http::get(&scene.url()).await.text(), "the steady guest, version 2");
        load.stop().await.assert_no_failure("the gateway");
        scene.invariants().await;
        drop(scene);
    });
}
