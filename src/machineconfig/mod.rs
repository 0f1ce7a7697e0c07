//! Documents: MachineConfigs as people write them, and what layerwright makes of them.
