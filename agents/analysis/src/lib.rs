//! analysis_agent: computes the facts of an answer and writes its text
