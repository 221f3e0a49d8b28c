//! The order of a desired state's apps, which is the order in which a request without a telling host
//! tries them, looked up by name: with 1,000 apps, searching the list for each would be felt.

use std::collections::HashMap;

use steading_protocol::AppName;
use steading_protocol::desired::DesiredState;

/// Where each wanted app stands.
pub(super) struct Order<'d>(HashMap<&'d AppName, usize>);

impl<'d> Order<'d> {
    pub(super) fn of(desired: &'d DesiredState) -> Self {
        Self(desired.apps.iter().map(|app| &app.app).zip(0..).collect())
    }

    /// The app's place, or `None` when it is not wanted.
    pub(super) fn rank(&self, app: &AppName) -> Option<usize> {
        self.0.get(app).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_stand_in_the_managers_order_and_others_nowhere() {
        let app = |name: &str| {
            serde_json::json!({
                "app": name, "version": 1, "hosts": [], "modules": [], "functions": []
            })
        };
        let desired = serde_json::json!({"generation": 1, "apps": [app("zebra"), app("ant")]});
        let desired: DesiredState = serde_json::from_value(desired).unwrap();
        let order = Order::of(&desired);
        let rank = |name: &str| order.rank(&name.parse().unwrap());
        assert_eq!([rank("zebra"), rank("ant"), rank("other")], [Some(0), Some(1), None]);
    }
}
