// The runtimes above the list, and what can be made with them.

import { call } from "./api.js";
import { byId, make } from "./dom.js";

/** @type {RuntimeSummary[]} */
let runtimes = [];

/** @param {AbortSignal} signal */
export async function readRuntimes(signal) {
	runtimes = (await call("get", "runtimes", { signal })).data.items;
	byId("runtimes").replaceChildren(...runtimes.map(newItem));
}

/** Those that workers can be made in. */
export const creating = () => runtimes.filter((runtime) => runtime.capabilities.includes("create_worker"));

/** @param {RuntimeSummary} runtime */
function newItem({ display_name, status, models: [model], counts, diagnostics }) {
	const states = Object.entries(counts?.workers ?? {}).filter(([, count]) => count);
	const workers = states.map(([state, count]) => `${count} ${state}`).join(", ") || "no workers";
	const name = model && model.name + (model.offline ? " (repeats what it is told)" : "");
	const facts = name ? `${name} · ${workers}` : workers;
	const notes = [facts, ...diagnostics.map(({ message }) => message)].map((text) => make("p", { class: "note" }, text));
	return make("li", {}, make("bdi", {}, display_name), " ", make("span", { "data-state": status }, status), ...notes);
}
