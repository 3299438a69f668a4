//! The store on real files: the contract, what can happen to a file, and what an operator does.

mod conformance;
mod copying;
mod crash;
mod faults;
mod fixture;
mod leftovers;
mod maintenance;
mod opening;
mod recovering;
mod refusing;
mod unwritable;
