//! BaseAgent, telemetry, configuration and the instrumented clients of Chimera
