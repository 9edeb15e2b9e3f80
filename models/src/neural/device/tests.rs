use super::*;

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu;

#[test]
fn a_device_has_the_same_name_on_the_command_line_and_in_files() {
    for device in Device::BUILT {
        assert_eq!(device.to_string().parse::<Device>().unwrap(), *device);
        let written = serde_json::to_string(device).unwrap();
        assert_eq!(written, format!("\"{device}\""));
    }
}

#[test]
fn a_device_that_the_program_has_not_is_refused_with_those_it_has_and_what_it_was_built_without() {
    let said = "tpu".parse::<Device>().unwrap_err().to_string();
    assert!(said.starts_with("`device` is `tpu`, accepted: cpu"), "{said}");
    for (name, is_built) in FEATURES {
        assert_eq!(name.parse::<Device>().is_ok(), is_built, "{name}");
        let (_, lacking) = said.split_once(" without the cargo ").unwrap_or_default();
        assert_eq!(lacking.contains(name), !is_built, "{said}");
    }
}

#[test]
fn the_cpu_is_where_networks_are_trained_unless_told_otherwise_and_always_answers() {
    assert_eq!(Device::default(), Device::Cpu);
    Device::Cpu.check().unwrap();
}
