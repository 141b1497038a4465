//! The message bus of Chimera: messages, the Bus trait, the embedded bus and the conformance suite
