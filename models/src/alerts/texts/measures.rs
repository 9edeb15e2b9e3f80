//! What fields measure, as people call and write it.

/// The messages that name the quantity of a field and write a value of it; nothing where people have no name for the field. What is
/// counted has no unit beside its name.
pub(super) fn measure(target: &str) -> Option<(&'static str, &'static str)> {
    Some(match target {
        "speed_kmh" => ("quantity-speed", "unit-speed"),
        "vehicle_flow" => ("quantity-flow", "unit-flow"),
        "occupancy_percent" | "occupancy_rate" => ("quantity-occupancy", "unit-occupancy"),
        "delay_minutes" => ("quantity-delay", "unit-delay"),
        "passenger_count" => ("quantity-passengers", "unit-none"),
        "occupied_spaces" => ("quantity-occupied-spaces", "unit-none"),
        "available_spaces" => ("quantity-free-spaces", "unit-none"),
        "available_bikes" => ("quantity-bikes", "unit-none"),
        "available_docks" => ("quantity-docks", "unit-none"),
        "pm25" => ("quantity-pm25", "unit-micrograms"),
        "pm10" => ("quantity-pm10", "unit-micrograms"),
        "no2" => ("quantity-no2", "unit-micrograms"),
        "o3" => ("quantity-o3", "unit-micrograms"),
        "co" => ("quantity-co", "unit-milligrams"),
        "so2" => ("quantity-so2", "unit-micrograms"),
        "aqi" => ("quantity-aqi", "unit-none"),
        _ => return None,
    })
}
