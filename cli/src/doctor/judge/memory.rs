//! Judges whether the pool of a worker fits memory and address space. What fits is the worker's own
//! arithmetic, in `steading-host`; here is only what people are told of it.

use steading_host::{ConfigError, Sizing};

use super::amount;
use crate::doctor::Finding;

/// Fewer functions than this at their limits, and one that goes wrong is felt by the others.
const AT_THEIR_LIMITS_FEW: u64 = 4;

/// Why address space may be short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::doctor) struct AddressSpace {
    /// The limit on this process, bytes (`ulimit -v`).
    pub(in crate::doctor) limit: Option<u64>,
    /// Whether the kernel promises no more memory than it has (`vm.overcommit_memory` = 2).
    pub(in crate::doctor) strict: bool,
}

pub(in crate::doctor) fn pool(sizing: &Result<Sizing, ConfigError>) -> Finding {
    const CHECK: &str = "memory";
    match sizing {
        Ok(sizing) => Finding::ok(
            CHECK,
            format!(
                "{}: {} instances keep up to {} between calls, one function may have {} MiB",
                sizing.memory,
                sizing.instances_max,
                amount(sizing.kept_bytes),
                sizing.memory_mib_max
            ),
        ),
        Err(error @ ConfigError::Fit(_)) => Finding::fail(
            CHECK,
            error.to_string(),
            "set what would fit, or take the key out: then it follows the memory; or give more memory",
        ),
        Err(error) => Finding::fail(CHECK, error.to_string(), "correct the configuration"),
    }
}

/// Limits of functions add up to more than there is nearly always, and that is as it should be; only
/// where a few functions take everything is it worth a word.
pub(in crate::doctor) fn overcommit(sizing: &Sizing) -> Finding {
    const CHECK: &str = "functions";
    let count = sizing.at_their_limits;
    let found = format!("{count} fit at once that each take all that is allowed by default");
    match count {
        AT_THEIR_LIMITS_FEW.. => Finding::ok(CHECK, found),
        _ => Finding::warn(
            CHECK,
            found,
            "more run at once as long as they take less; lower limits.memory_mib_max in manifests, or \
             engine.memory_mib_max, or give more memory, if the system ever ends the worker",
        ),
    }
}

/// `refused` is what the system said when the pool was reserved for a try.
pub(in crate::doctor) fn address_space(
    instances: u32,
    refused: Option<String>,
    seen: AddressSpace,
) -> Finding {
    const CHECK: &str = "address space";
    let Some(refused) = refused else {
        return Finding::ok(CHECK, format!("a pool of {instances} instances can be reserved"));
    };
    let advice = match seen {
        AddressSpace { limit: Some(bytes), .. } => format!(
            "this process is limited to {} (`ulimit -v`, LimitAS=): lift that, since the pool reserves some 4 \
             GiB for each instance and uses what functions use",
            amount(bytes)
        ),
        AddressSpace { strict: true, .. } => "set vm.overcommit_memory to 0 or 1, or lower \
                                              engine.instances_max"
            .to_owned(),
        _ => "lower engine.instances_max; a processor or kernel with 39 bits of addresses holds some 100"
            .to_owned(),
    };
    Finding::fail(CHECK, refused, advice)
}

#[cfg(test)]
mod tests {
    use steading_host::{Bound, Memory};

    use super::*;
    use crate::doctor::Verdict;

    fn sizing(at_their_limits: u64) -> Sizing {
        Sizing {
            memory: Memory { bytes: 512 << 20, of: Bound::Container },
            instances_max: 1000,
            memory_mib_max: 292,
            kept_bytes: 172 << 20,
            at_their_limits,
        }
    }

    #[test]
    fn a_pool_that_fits_is_told_with_its_numbers() {
        let found = "this container has 512 MiB: 1000 instances keep up to 172 MiB between calls, one \
                     function may have 292 MiB";
        assert_eq!(pool(&Ok(sizing(9))), Finding::ok("memory", found));
    }

    #[test]
    fn a_pool_that_does_not_fit_fails_with_what_would() {
        let text = "[engine]\ninstances_max = 1000\n[capacity]\nmemory_mib = 64";
        let config: steading_host::Config = toml::from_str(text).unwrap();
        let finding = pool(&Sizing::look(&config));
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.found.ends_with("would fit"), "{finding:?}");
    }

    #[test]
    fn few_functions_at_their_limits_are_worth_a_word() {
        assert_eq!(overcommit(&sizing(4)).verdict, Verdict::Ok);
        assert_eq!(overcommit(&sizing(3)).verdict, Verdict::Warn);
    }

    #[test]
    fn a_pool_that_cannot_be_reserved_names_what_is_in_the_way() {
        let advice = |seen| address_space(1000, Some("no".into()), seen).advice.unwrap();
        let limited = AddressSpace { limit: Some(8 << 30), strict: true };
        assert!(advice(limited).contains("8192 MiB (`ulimit -v`"), "{}", advice(limited));
        assert!(advice(AddressSpace { strict: true, ..limited_not() }).contains("overcommit"));
        assert!(advice(limited_not()).contains("engine.instances_max"));
        assert_eq!(address_space(7, None, limited_not()).verdict, Verdict::Ok);
    }

    fn limited_not() -> AddressSpace {
        AddressSpace::default()
    }
}
