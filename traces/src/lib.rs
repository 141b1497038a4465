//! The trace store of Chimera and its query API
