// The runtimes: shown above the list of workers, and asked for what can be made with them.

import { listRuntimes } from "./api.js";
import { byId, make } from "./dom.js";

/** @type {RuntimeSummary[]} */
let runtimes = [];

/** @param {AbortSignal} signal */
export async function readRuntimes(signal) {
	({ items: runtimes } = await listRuntimes(signal));
	byId("runtimes").replaceChildren(...runtimes.map(shown));
}

/** Those that workers can be made in. */
export const creating = () => runtimes.filter((runtime) => runtime.capabilities.includes("create_worker"));

/** A limit of a runtime, if it has one of that name. @param {string} runtimeId @param {string} name */
export const limitOf = (runtimeId, name) =>
	runtimes.find((runtime) => runtime.runtime_id === runtimeId)?.limits.find((limit) => limit.name === name)?.value;

/** @param {RuntimeSummary} runtime */
function shown(runtime) {
	const model = runtime.models[0];
	const states = Object.entries(runtime.counts?.workers ?? {}).filter(([, count]) => count > 0);
	const counts = states.map(([state, count]) => `${count} ${state}`).join(", ");
	const facts = [model && (model.offline ? `${model.name} (repeats what it is told)` : model.name), counts || "no workers"];
	const status = make("span", { class: "dot", "data-status": runtime.status }, runtime.status);
	const troubles = runtime.diagnostics.map((diagnostic) => make("span", { class: "note" }, diagnostic.message));
	return make(
		"li", {}, make("bdi", {}, runtime.display_name), " ", status,
		make("span", { class: "note" }, facts.filter(Boolean).join(" · ")), ...troubles,
	);
}
