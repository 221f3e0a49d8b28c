//! API tokens.

use steading_protocol::api::Token;
use tiberius::Row;

use super::fault::Fault;
use super::row::{self, Moment};
use super::tx::Tx;
use crate::auth::SecretHash;
use crate::store::NewToken;

pub(super) async fn insert(tx: &mut Tx, token: &NewToken) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO token (id, name, hash, created_at) SELECT @P1, @P2, @P3, @P4
         WHERE NOT EXISTS (SELECT 1 FROM token WHERE id = @P1 AND hash = @P3)",
        &[&token.id, &token.name, &token.hash.as_bytes(), &Moment(token.created_at)],
    )
    .await?;
    Ok(())
}

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<Token>, Fault> {
    let found = tx.rows("SELECT id, name, created_at FROM token", &[]).await?;
    let mut tokens = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    tokens.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(tokens)
}

pub(super) async fn delete(tx: &mut Tx, id: &str) -> Result<bool, Fault> {
    Ok(tx.execute("DELETE FROM token WHERE id = @P1", &[&id]).await? > 0)
}

pub(super) async fn by_hash(tx: &mut Tx, hash: &SecretHash) -> Result<Option<Token>, Fault> {
    let sql = "SELECT id, name, created_at, hash FROM token WHERE hash = @P1";
    let Some(found) = tx.row(sql, &[&hash.as_bytes()]).await? else { return Ok(None) };
    Ok(if row::hash(&found, 3)? == *hash { Some(read(&found)?) } else { None })
}

fn read(found: &Row) -> Result<Token, Fault> {
    Ok(Token {
        id: row::text(found, 0)?,
        name: row::text(found, 1)?,
        created_at: row::time(found, 2)?,
    })
}
