//! Sees to it that the database is there. Makes it where the login may; where it may not, or may not
//! enter, says which statements an administrator has to run.

use std::time::Duration;

use super::fault::Fault;
use super::target::Target;

/// The login may not enter the database, or there is none of that name.
pub(super) const NO_ENTRY: &[u32] = &[4060, 4064, 911, 916];

/// The login may not make databases.
const DENIED: u32 = 262;

/// How long a database that was just made may take until it lets somebody in.
const ENTRIES: u32 = 20;
const ENTRY_PAUSE: Duration = Duration::from_millis(250);

/// The least that the store needs: tables of its own, and what is in them.
const ROLES: [&str; 3] = ["db_ddladmin", "db_datareader", "db_datawriter"];

/// Making a database takes a busy server some seconds.
const TIME_MAX: Duration = Duration::from_secs(120);

/// Makes the database when it is not there.
pub(super) async fn database(target: &Target) -> Result<(), Fault> {
    let made = tokio::time::timeout(TIME_MAX, Box::pin(make(target)));
    made.await.unwrap_or(Err(Fault::Late(TIME_MAX)))
}

async fn make(target: &Target) -> Result<(), Fault> {
    match target.connect().await {
        Ok(_) => return Ok(()),
        Err(fault) if fault.code().is_some_and(|code| NO_ENTRY.contains(&code)) => {}
        Err(fault) => return Err(fault),
    }
    let name = quoted(&target.database);
    let mut server = target.with_database("master").connect().await?;
    let found = server.query("SELECT DB_ID(@P1)", &[&target.database.as_str()]).await?;
    let found = found.into_row().await?;
    if found.is_some_and(|found| !matches!(found.try_get::<i16, _>(0), Ok(None))) {
        // Another manager may be making it at this moment.
        if enter(target).await.is_ok() {
            return Ok(());
        }
        let message = format!("`{}` may not use the database `{}`", target.login, target.database);
        return Err(Fault::Told(format!(
            "{message}; an administrator can run: {}",
            grants(target)
        )));
    }
    tracing::info!(database = target.database, server = target.server, "making the database");
    let made = async {
        let sql = format!("CREATE DATABASE {name}");
        server.simple_query(sql).await?.into_results().await
    };
    match made.await.map(drop).map_err(Fault::Statement) {
        // Refused for any other reason than the right to do it, another manager may have been first.
        Ok(()) => enter(target).await,
        Err(fault) if fault.code() != Some(DENIED) && enter(target).await.is_ok() => Ok(()),
        Err(fault) => {
            let message = format!(
                "there is no database `{}`, and `{}` could not make it ({fault})",
                target.database, target.login
            );
            let statements = format!("CREATE DATABASE {name}; {}", grants(target));
            Err(Fault::Told(format!("{message}; an administrator can run: {statements}")))
        }
    }
}

async fn enter(target: &Target) -> Result<(), Fault> {
    for _ in 1..ENTRIES {
        if target.connect().await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(ENTRY_PAUSE).await;
    }
    target.connect().await.map(drop)
}

/// A refusal inside the database, with the statements that help when it is for want of rights.
pub(super) fn lacking(target: &Target, fault: Fault) -> Fault {
    if fault.code().is_none() || fault.is_passing() {
        return fault;
    }
    let Target { login, database, .. } = target;
    let message = format!("`{login}` cannot make tables in the database `{database}` ({fault})");
    Fault::Told(format!("{message}; when it is for want of rights: {}", grants(target)))
}

/// What lets the login use the database, as statements.
pub(super) fn grants(target: &Target) -> String {
    let (database, login) = (quoted(&target.database), quoted(&target.login));
    let roles = ROLES.map(|role| format!("ALTER ROLE {role} ADD MEMBER {login};"));
    format!("USE {database}; CREATE USER {login} FOR LOGIN {login}; {}", roles.join(" "))
}

/// A name as it stands in a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

#[cfg(test)]
mod tests {
    use steading_protocol::Secret;

    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_brackets() {
        assert_eq!(quoted("a]; DROP TABLE x --"), "[a]]; DROP TABLE x --]");
    }

    #[test]
    fn the_administrator_is_told_whole_statements() {
        let text = Secret::new("Server=x;Database=st;User Id=joe;Password=y");
        let grants = grants(&Target::parse(&text, None).unwrap());
        assert!(grants.starts_with("USE [st]; CREATE USER [joe] FOR LOGIN [joe]; ALTER ROLE"));
        assert!(grants.ends_with("ALTER ROLE db_datawriter ADD MEMBER [joe];"), "{grants}");
    }
}
