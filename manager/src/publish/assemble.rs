//! Puts the parts of a package together: the functions of all its modules, under the rules of an app
//! and with what the manifest says of them. Pure.

use steading_protocol::{
    AppLimits, AppName, AuthLevel, FunctionName, FunctionRecord, FunctionSpec, Limits, Manifest,
    PlacementRules, Trigger, check_routes,
};

use super::unpack::Unpacked;
use super::{digest_of, module};
use crate::error::{ApiError, Code};
use crate::store::NewModule;

/// The contents of a package that was found good.
#[derive(Debug)]
pub(super) struct Assembled {
    /// Host names that lead to the app alone, lower-case.
    pub(super) hosts: Vec<String>,
    /// The modules, each once.
    pub(super) modules: Vec<NewModule>,
    /// The functions, with their limits.
    pub(super) functions: Vec<FunctionSpec>,
    /// What all functions together may use.
    pub(super) limits: AppLimits,
    /// Where they may run.
    pub(super) placement: PlacementRules,
}

/// What an unpacked package makes of an app.
pub(super) fn assemble(app: &AppName, unpacked: Unpacked) -> Result<Assembled, ApiError> {
    let manifest = unpacked.manifest;
    if let Some(name) = manifest.app.name.as_ref().filter(|name| *name != app) {
        return Err(manifest_invalid(&format!(
            "app.name is `{name}`, but the package is published as `{app}`"
        )));
    }
    let (mut modules, mut functions) = (Vec::<NewModule>::new(), Vec::<FunctionSpec>::new());
    for (name, bytes) in unpacked.modules {
        let examined = module::examine(&name, &bytes)?;
        let digest = digest_of(&bytes);
        for record in examined.records {
            let memory = examined.memory_bytes_min;
            let spec = specify(record, &digest, &manifest)?;
            check_function(&spec, memory, &functions)?;
            functions.push(spec);
        }
        modules.push(NewModule { digest, bytes });
    }
    check_sections(&manifest, &functions)?;
    check_routes(&functions)
        .map_err(|conflict| ApiError::new(Code::RouteConflict, conflict.to_string()))?;
    let limits = manifest.app_limits();
    let hosts = hosts(&manifest)?;
    Ok(Assembled { hosts, modules, functions, limits, placement: manifest.placement })
}

fn specify(
    record: FunctionRecord,
    module: &steading_protocol::Digest,
    manifest: &Manifest,
) -> Result<FunctionSpec, ApiError> {
    let own = manifest.functions.get(&record.name).map(|section| section.limits);
    let limits = Limits::default().with(manifest.limits).with(own.unwrap_or_default());
    Ok(FunctionSpec {
        name: record.name,
        module: module.clone(),
        export: record.export,
        trigger: record.trigger,
        limits,
    })
}

fn check_function(
    spec: &FunctionSpec,
    memory_bytes_min: u64,
    earlier: &[FunctionSpec],
) -> Result<(), ApiError> {
    let Trigger::Http(http) = &spec.trigger;
    if http.auth != AuthLevel::Anonymous {
        return Err(ApiError::new(
            Code::AuthUnsupported,
            format!(
                "function `{}` asks for auth level `{}`; this release has no keys, so write auth = \"anonymous\"",
                spec.name, http.auth
            ),
        ));
    }
    let same = |other: &&FunctionSpec| other.name.as_str().eq_ignore_ascii_case(spec.name.as_str());
    if let Some(other) = earlier.iter().find(same) {
        return Err(ApiError::new(
            Code::FunctionDuplicate,
            format!("functions `{}` and `{}` have the same name", other.name, spec.name),
        ));
    }
    if memory_bytes_min > spec.limits.memory_bytes_max {
        return Err(ApiError::new(
            Code::WasmInvalid,
            format!(
                "function `{}` begins with {memory_bytes_min} bytes of memory and may have {}; raise limits.memory_mib_max",
                spec.name, spec.limits.memory_bytes_max
            ),
        ));
    }
    Ok(())
}

fn check_sections(manifest: &Manifest, functions: &[FunctionSpec]) -> Result<(), ApiError> {
    let known = |name: &FunctionName| functions.iter().any(|spec| spec.name == *name);
    match manifest.functions.keys().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(manifest_invalid(&format!(
            "[functions.{name}] names a function that the package does not have"
        ))),
    }
}

fn hosts(manifest: &Manifest) -> Result<Vec<String>, ApiError> {
    let mut hosts: Vec<String> = vec![];
    for host in &manifest.app.hosts {
        let host = host.to_ascii_lowercase();
        if hosts.contains(&host) {
            return Err(manifest_invalid(&format!("app.hosts: `{host}` stands twice")));
        }
        hosts.push(host);
    }
    Ok(hosts)
}

fn manifest_invalid(message: &str) -> ApiError {
    ApiError::new(Code::ManifestInvalid, format!("{message} (in steading.toml)"))
}
