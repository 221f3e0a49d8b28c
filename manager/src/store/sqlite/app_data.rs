//! The methods of [`AppData`], each in its lane.

use async_trait::async_trait;
use steading_protocol::kv::KvRefusal;
use steading_protocol::{AppName, Grants, KvKey, SettingName, VersionNumber, WorkerId};

use super::{Sqlite, app_setting, kv, version};
use crate::store::{
    AppData, KvEntry, KvLimits, KvList, KvSlot, KvWrite, KvWritten, Result, StoredSetting,
};

#[async_trait]
impl AppData for Sqlite {
    async fn app_setting_list(&self, app: &AppName) -> Result<Vec<StoredSetting>> {
        let app = app.clone();
        self.lanes.read("app_setting_list", move |tx| app_setting::list(tx, &app)).await
    }

    async fn app_setting_put(&self, app: &AppName, setting: StoredSetting) -> Result<bool> {
        let app = app.clone();
        self.lanes.write("app_setting_put", move |tx| app_setting::put(tx, &app, &setting)).await
    }

    async fn app_setting_delete(&self, app: &AppName, name: &SettingName) -> Result<bool> {
        let (app, name) = (app.clone(), name.clone());
        self.lanes.write("app_setting_delete", move |tx| app_setting::delete(tx, &app, &name)).await
    }

    async fn app_setting_secrets(&self) -> Result<Vec<(AppName, StoredSetting)>> {
        self.lanes.read("app_setting_secrets", |tx| app_setting::secrets(tx)).await
    }

    async fn app_setting_reseal(
        &self,
        app: &AppName,
        name: &SettingName,
        from: &str,
        to: &str,
    ) -> Result<()> {
        let (app, name, from, to) = (app.clone(), name.clone(), from.to_owned(), to.to_owned());
        let write = move |tx: &rusqlite::Transaction<'_>| {
            app_setting::reseal(tx, &app, &name, [&from, &to])
        };
        self.lanes.write("app_setting_reseal", write).await
    }

    async fn placement_grants(
        &self,
        worker: &WorkerId,
        app: &AppName,
        version: VersionNumber,
    ) -> Result<Option<Grants>> {
        let (worker, app) = (worker.clone(), app.clone());
        let read = move |tx: &rusqlite::Transaction<'_>| {
            version::placed_grants(tx, &worker, &app, version)
        };
        self.lanes.read("placement_grants", read).await
    }

    async fn kv_get(&self, slot: &KvSlot, key: &KvKey) -> Result<Option<KvEntry>> {
        let (slot, key) = (slot.clone(), key.clone());
        self.lanes.read("kv_get", move |tx| kv::get(tx, &slot, &key)).await
    }

    async fn kv_list(&self, slot: &KvSlot, list: KvList) -> Result<Vec<KvKey>> {
        let slot = slot.clone();
        self.lanes.read("kv_list", move |tx| kv::list(tx, &slot, &list)).await
    }

    async fn kv_write(
        &self,
        slot: &KvSlot,
        key: &KvKey,
        write: KvWrite,
        limits: KvLimits,
    ) -> Result<std::result::Result<KvWritten, KvRefusal>> {
        let (slot, key) = (slot.clone(), key.clone());
        let write =
            move |tx: &rusqlite::Transaction<'_>| kv::write(tx, &slot, &key, (&write, limits));
        self.lanes.write("kv_write", write).await
    }
}
