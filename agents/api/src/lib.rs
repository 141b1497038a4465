//! chimera-api, the HTTP gateway: takes questions and serves their answers
