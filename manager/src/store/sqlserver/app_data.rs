//! The methods of [`AppData`], each with what it needs of the writer lane, and whether it may be repeated
//! when nobody knows whether it happened. A write to a key-value store stays out of that lane: it holds a
//! lock of its app's stores alone, and its caller decides whether to repeat it. What functions ask for has
//! connections of its own, so that no app keeps the manager waiting.

use async_trait::async_trait;
use steading_protocol::kv::KvRefusal;
use steading_protocol::{AppName, Grants, KvKey, SettingName, VersionNumber, WorkerId};

use super::fault::{Fault, is_orphan};
use super::lanes::{Again, Hold, transact};
use super::{SqlServer, app_setting, kv, version};
use crate::store::{
    AppData, KvEntry, KvLimits, KvList, KvSlot, KvWrite, KvWritten, Result, StoredSetting,
};

/// One read, or one write that may happen twice.
macro_rules! single {
    ($store:ident, $operation:literal, |$tx:ident| $work:expr) => {
        transact!($store.lanes, $operation, Hold::Nothing, Again::Safe, |$tx| $work)
    };
}

/// One read in the name of a function.
macro_rules! of_function {
    ($store:ident, $operation:literal, |$tx:ident| $work:expr) => {
        transact!($store.functions, $operation, Hold::Nothing, Again::Safe, |$tx| $work)
    };
}

#[async_trait]
impl AppData for SqlServer {
    async fn app_setting_list(&self, app: &AppName) -> Result<Vec<StoredSetting>> {
        single!(self, "app_setting_list", |tx| app_setting::list(tx, app))
    }

    async fn app_setting_put(&self, app: &AppName, setting: StoredSetting) -> Result<bool> {
        transact!(self.lanes, "app_setting_put", Hold::Alone, Again::Safe, |tx| app_setting::put(
            tx, app, &setting
        ))
    }

    async fn app_setting_delete(&self, app: &AppName, name: &SettingName) -> Result<bool> {
        transact!(self.lanes, "app_setting_delete", Hold::Alone, Again::Never, |tx| {
            app_setting::delete(tx, app, name)
        })
    }

    async fn app_setting_secrets(&self) -> Result<Vec<(AppName, StoredSetting)>> {
        single!(self, "app_setting_secrets", |tx| app_setting::secrets(tx))
    }

    async fn app_setting_reseal(
        &self,
        app: &AppName,
        name: &SettingName,
        from: &str,
        to: &str,
    ) -> Result<()> {
        transact!(self.lanes, "app_setting_reseal", Hold::Alone, Again::Safe, |tx| {
            app_setting::reseal(tx, app, name, [from, to])
        })
    }

    async fn placement_grants(
        &self,
        worker: &WorkerId,
        app: &AppName,
        version: VersionNumber,
    ) -> Result<Option<Grants>> {
        of_function!(self, "placement_grants", |tx| version::placed_grants(
            tx, worker, app, version
        ))
    }

    async fn kv_get(&self, slot: &KvSlot, key: &KvKey) -> Result<Option<KvEntry>> {
        of_function!(self, "kv_get", |tx| kv::get(tx, slot, key))
    }

    async fn kv_list(&self, slot: &KvSlot, list: KvList) -> Result<Vec<KvKey>> {
        of_function!(self, "kv_list", |tx| kv::list(tx, slot, &list))
    }

    async fn kv_write(
        &self,
        slot: &KvSlot,
        key: &KvKey,
        write: KvWrite,
        limits: KvLimits,
    ) -> Result<std::result::Result<KvWritten, KvRefusal>> {
        const OPERATION: &str = "kv_write";
        let written = async {
            let _turn = self.turns.take(&slot.app).await;
            transact!(self.functions, OPERATION, Hold::Own, Again::Never, |tx| kv::write(
                tx,
                slot,
                key,
                (&write, limits)
            ))
        };
        // also the time until its turn is time of the call
        let call = self.functions.limits().call;
        let late = |_| Err(Fault::Late(call).into_error(OPERATION));
        match tokio::time::timeout(call, written).await.unwrap_or_else(late) {
            // The app was removed at this moment, by whom the transaction did not see yet.
            Err(error) if is_orphan(&error) => Ok(Err(KvRefusal::NotGranted)),
            answer => answer,
        }
    }
}
