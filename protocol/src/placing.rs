//! What decides where an app runs: what the app asks of workers, and what a worker offers. Plain
//! rules; who gets what is the manager's schedule.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a worker says of itself, or an app asks of workers: `zone = "plant-2"`.
pub type Labels = BTreeMap<String, String>;

/// The longest key or value of a label, characters.
const LABEL_CHARS_MAX: usize = 63;

/// The most labels of one worker or app.
const LABELS_MAX: usize = 32;

/// The first fault in labels that came from outside: `what` names where they stand.
pub fn label_fault(what: &str, labels: &Labels) -> Option<String> {
    if labels.len() > LABELS_MAX {
        return Some(format!("{what} has {} labels, more than {LABELS_MAX}", labels.len()));
    }
    let usable = |text: &str| {
        (1..=LABEL_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let (key, value) = labels.iter().find(|(key, value)| !usable(key) || !usable(value))?;
    Some(format!(
        "{what}: `{key} = \"{value}\"` is not a label; key and value have 1 to {LABEL_CHARS_MAX} of letters, digits, `-`, `_` and `.`"
    ))
}

/// How many workers serve an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replicas {
    /// Every worker that may.
    #[default]
    All,
    /// So many, or as many as there are.
    Count(u32),
}

impl Replicas {
    /// The most that may be asked for by number.
    pub const COUNT_MAX: u32 = 10_000;
}

/// `"all"` or a number, in TOML and in JSON.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ReplicasText {
    Count(u32),
    Word(String),
}

impl Serialize for Replicas {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Count(count) => serializer.serialize_u32(*count),
        }
    }
}

impl<'de> Deserialize<'de> for Replicas {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match ReplicasText::deserialize(deserializer) {
            Ok(ReplicasText::Count(count)) if (1..=Self::COUNT_MAX).contains(&count) => {
                Ok(Self::Count(count))
            }
            Ok(ReplicasText::Word(word)) if word == "all" => Ok(Self::All),
            _ => Err(serde::de::Error::custom(format!(
                "`replicas` is \"all\" or a number from 1 to {}",
                Self::COUNT_MAX
            ))),
        }
    }
}

impl std::fmt::Display for Replicas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.pad("all"),
            Self::Count(count) => count.fmt(f),
        }
    }
}

/// The `[placement]` table of a `steading.toml`: where the app may run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlacementRules {
    /// How many workers serve it: `"all"` or a number.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub replicas: Replicas,
    /// Labels that a worker must have, all of them, with these values.
    pub workers: Labels,
}

impl PlacementRules {
    /// Whether a worker with these labels is one that the app asks for.
    pub fn ask_for(&self, labels: &Labels) -> bool {
        self.workers.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

/// What a worker can carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Capacity {
    /// Memory that its instances may have together, bytes; 0 when the worker does not say.
    pub memory_bytes: u64,
    /// Invocations at once; 0 when the worker does not say.
    pub instances: u32,
}

/// Whether a worker takes work, as it says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AvailabilityState {
    /// It takes work.
    #[default]
    Available,
    /// It still serves, and soon will not: its placements move away.
    Closing,
    /// It takes no work and drains.
    Away,
}

impl AvailabilityState {
    /// The state as it stands in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Closing => "closing",
            Self::Away => "away",
        }
    }
}

/// A worker's availability with the reason, for people: `opens Mon 19:00`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Availability {
    /// The state.
    pub state: AvailabilityState,
    /// Why, when it is not simply available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Result<PlacementRules, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn replicas_are_all_or_a_number() {
        assert_eq!(rules("").unwrap().replicas, Replicas::All);
        assert_eq!(rules("replicas = \"all\"").unwrap().replicas, Replicas::All);
        assert_eq!(rules("replicas = 3").unwrap().replicas, Replicas::Count(3));
        for wrong in ["replicas = 0", "replicas = -1", "replicas = \"some\"", "replicas = 10001"] {
            assert!(rules(wrong).unwrap_err().contains("`replicas` is \"all\" or a number"));
        }
        for replicas in [Replicas::All, Replicas::Count(7)] {
            let json = serde_json::to_string(&replicas).unwrap();
            assert_eq!(serde_json::from_str::<Replicas>(&json).unwrap(), replicas);
        }
    }

    #[test]
    fn every_label_that_is_asked_for_has_to_be_there() {
        let asks = rules("workers = { zone = \"a\", kind = \"spare\" }").unwrap();
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert!(asks.ask_for(&labels(&[("zone", "a"), ("kind", "spare"), ("more", "1")])));
        assert!(!asks.ask_for(&labels(&[("zone", "a")])));
        assert!(!asks.ask_for(&labels(&[("zone", "b"), ("kind", "spare")])));
        assert!(PlacementRules::default().ask_for(&Labels::new()));
    }

    #[test]
    fn a_label_that_is_none_is_named() {
        let labels = |key: &str, value: &str| Labels::from([(key.to_owned(), value.to_owned())]);
        assert_eq!(label_fault("worker.labels", &labels("zone", "plant-2")), None);
        for (key, value) in [("zo ne", "a"), ("zone", ""), ("", "a"), ("zone", "a\nb")] {
            let fault = label_fault("worker.labels", &labels(key, value)).unwrap();
            assert!(fault.starts_with("worker.labels: `"), "{fault}");
        }
    }
}
