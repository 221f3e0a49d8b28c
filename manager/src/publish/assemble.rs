//! Puts the parts of a package together: the functions of all its modules, under the rules of an app
//! and with what the manifest says of them. Pure.

use steading_protocol::{
    AppLimits, AppName, AuthLevel, FunctionRecord, FunctionSpec, Grants, Limits, Manifest,
    PlacementRules, Program, Trigger, check_routes, command_functions,
};

use super::digest_of;
use super::module::{self, Examined, Kind};
use super::reuse;
use super::unpack::{ModuleFile, Unpacked};
use crate::error::{ApiError, Code};
use crate::store::NewModule;

/// The contents of a package that was found good.
#[derive(Debug)]
pub(super) struct Assembled {
    /// Host names that lead to the app alone, lower-case.
    pub(super) hosts: Vec<String>,
    /// The modules, each once, and the archive of its folders behind them.
    pub(super) modules: Vec<NewModule>,
    /// The functions, with their limits.
    pub(super) functions: Vec<FunctionSpec>,
    /// What all functions together may use.
    pub(super) limits: AppLimits,
    /// Where they may run.
    pub(super) placement: PlacementRules,
    /// What they may reach.
    pub(super) grants: Grants,
}

/// What an unpacked package makes of an app.
pub(super) fn assemble(app: &AppName, unpacked: Unpacked) -> Result<Assembled, ApiError> {
    let manifest = unpacked.manifest;
    if let Some(name) = manifest.app.name.as_ref().filter(|name| *name != app) {
        return Err(manifest_invalid(&format!(
            "app.name is `{name}`, but the package is published as `{app}`"
        )));
    }
    let mut examined = vec![];
    for module in unpacked.modules {
        examined.push((module::examine(&module.shown(), &module.bytes)?, module));
    }
    check_reuse(&manifest.grants, &examined)?;
    let records = records(app, &manifest, &examined)?;
    let digests: Vec<_> = examined.iter().map(|(_, file)| digest_of(&file.bytes)).collect();
    let mut functions = Vec::<FunctionSpec>::new();
    for (index, record) in records {
        let spec = specify(record, &digests[index], &manifest);
        check_function(&spec, examined[index].0.memory_bytes_min, &functions)?;
        functions.push(spec);
    }
    check_routes(&functions)
        .map_err(|conflict| ApiError::new(Code::RouteConflict, conflict.to_string()))?;
    let bytes = examined.into_iter().map(|(_, file)| file.bytes);
    let modules = digests.into_iter().zip(bytes);
    let folders = unpacked.folders.map(|bytes| (digest_of(&bytes), bytes));
    let modules = modules.chain(folders);
    let modules = modules.map(|(digest, bytes)| NewModule { digest, bytes }).collect();
    let limits = manifest.app_limits();
    let hosts = hosts(&manifest)?;
    let Manifest { placement, grants, .. } = manifest;
    Ok(Assembled { hosts, modules, functions, limits, placement, grants })
}

/// The functions of all modules, each with the position of its module.
fn records(
    app: &AppName,
    manifest: &Manifest,
    examined: &[(Examined, ModuleFile)],
) -> Result<Vec<(usize, FunctionRecord)>, ApiError> {
    let (mut records, mut programs, mut indices) = (vec![], vec![], vec![]);
    for (index, (module, file)) in examined.iter().enumerate() {
        match &module.kind {
            Kind::Native(own) => records.extend(own.iter().map(|record| (index, record.clone()))),
            Kind::Program(export) => {
                programs.push(Program { path: file.path.as_deref().unwrap_or_default(), export });
                indices.push(index);
            }
        }
    }
    let native: Vec<_> = records.iter().map(|(_, record)| &record.name).collect();
    let of_programs = command_functions(app, manifest, &programs, &native)
        .map_err(|fault| manifest_invalid(&fault.to_string()))?;
    records.extend(of_programs.into_iter().map(|(index, record)| (indices[index], record)));
    Ok(records)
}

fn specify(
    record: FunctionRecord,
    module: &steading_protocol::Digest,
    manifest: &Manifest,
) -> FunctionSpec {
    let own = manifest.functions.get(&record.name).map(|section| section.limits);
    let limits = Limits::default().with(manifest.limits).with(own.unwrap_or_default());
    FunctionSpec {
        name: record.name,
        module: module.clone(),
        export: record.export,
        trigger: record.trigger,
        limits,
    }
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
                "function `{}` asks for auth level `{}`; this release has no keys, so write auth = \"anonymous\" (in a function.json, \"authLevel\")",
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

/// Refuses instances that serve several invocations where there can be none.
fn check_reuse(grants: &Grants, examined: &[(Examined, ModuleFile)]) -> Result<(), ApiError> {
    let Some(wanted) = grants.reuse else { return Ok(()) };
    let refused = |(module, file): &(Examined, ModuleFile)| {
        reuse::refused(wanted, &file.shown(), &module.kind)
    };
    examined.iter().find_map(refused).map_or(Ok(()), |why| Err(manifest_invalid(&why)))
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
