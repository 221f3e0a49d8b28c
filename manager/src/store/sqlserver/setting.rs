//! Settings that the manager keeps for itself.

use super::fault::Fault;
use super::row;
use super::tx::Tx;
use crate::store::Setting;

pub(super) async fn get(tx: &mut Tx, setting: Setting) -> Result<Option<String>, Fault> {
    let sql = "SELECT value FROM setting WHERE setting = @P1";
    let found = tx.row(sql, &[&setting.as_str()]).await?;
    found.as_ref().map(|found| row::text(found, 0)).transpose()
}

pub(super) async fn insert(tx: &mut Tx, setting: Setting, value: &str) -> Result<bool, Fault> {
    let inserted = tx
        .execute(
            "INSERT INTO setting (setting, value) SELECT @P1, @P2
             WHERE NOT EXISTS (SELECT 1 FROM setting WHERE setting = @P1)",
            &[&setting.as_str(), &value],
        )
        .await?;
    Ok(inserted > 0)
}

pub(super) async fn put(tx: &mut Tx, setting: Setting, value: &str) -> Result<(), Fault> {
    let sql = "UPDATE setting SET value = @P2 WHERE setting = @P1";
    if tx.execute(sql, &[&setting.as_str(), &value]).await? == 0 {
        insert(tx, setting, value).await?;
    }
    Ok(())
}
