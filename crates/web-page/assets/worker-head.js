// What stands around a conversation: the worker's name and state, what can be done with it, and a
// line about it.

import { WORKER, call } from "./api.js";
import * as composer from "./composer.js";
import { ask } from "./dialogs.js";
import { byId, input, setText } from "./dom.js";
import { on } from "./notices.js";
import { canOperate } from "./session.js";
import { endWords } from "./words.js";
import { refresh } from "./worker-list.js";

/** @type {WorkerId | null} */
let worker = null;
/** @type {WorkerDetail | null} */
let detail = null;

/** What a client that may only read can do. */
const READING = ["get_worker", "read_transcript", "read_events"];

/** @param {Schemas["Capability"]} capability */
export const can = (capability) =>
	(canOperate() || READING.includes(capability)) && Boolean(detail?.capabilities.includes(capability));

/** @param {WorkerId | null} id */
export function open(id) {
	worker = id;
	keepFocus(() => {
		byId("worker").hidden = !id;
		byId("nothing-open").hidden = id !== null;
		byId("rename-form").hidden = true;
		composer.open(id);
		describe(null, "…");
	});
}

/** Moves the focus off what is hidden. @param {() => void} change */
function keepFocus(change) {
	const focused = document.activeElement;
	change();
	if (focused?.closest("#pane [hidden]")) byId(worker ? "log" : "home").focus();
}

export const showGone = () => keepFocus(() => describe(null, "No such worker"));

/** @param {WorkerDetail} now */
export function show(now) {
	const isFirst = !detail;
	keepFocus(() => describe(now, now.display_name));
	showState(now.state, now.active_run);
	// Not where it would raise a keyboard over half of the screen.
	if (isFirst && can("send_input") && matchMedia("(pointer: fine)").matches) byId("message").focus();
}

/** @param {WorkerDetail | null} now @param {string} name */
function describe(now, name) {
	detail = now;
	setText("worker-name", name);
	document.title = now ? `${name} – yoi` : "yoi";
	byId("worker-state").hidden = !now;
	setText("status-line", now ? statusText(now) : "");
	byId("record").hidden = now?.state !== "recorded";
	byId("log").hidden = now !== null && !can("read_transcript");
	byId("rename").hidden = !can("rename_worker");
	byId("stop").hidden = !can("stop_worker");
	byId("delete").hidden = !can("delete_worker");
	byId("composer").hidden = !can("send_input");
}

/** @param {WorkerState} state @param {string | null} [run] */
export function showState(state, run) {
	setText("worker-state", state);
	byId("worker-state").dataset.state = state;
	keepFocus(() => composer.setRun(["queued", "running", "cancelling"].includes(state) ? run ?? "" : null));
}

/** @param {WorkerDetail} now */
function statusText({ conversation, diagnostics, model, profile }) {
	const { usage, last_run: last } = conversation ?? {};
	const tokens = last && usage?.output_tokens !== undefined && `${usage.input_tokens ?? "?"} tokens in, ${usage.output_tokens} out`;
	const outcome = last && (endWords(last) || "last reply completed");
	return [model, profile, tokens, outcome, ...diagnostics.map(({ message }) => message)].filter(Boolean).join(" · ");
}

export function listen() {
	const form = byId("rename-form");
	const name = input("rename-name");
	const close = () => {
		form.hidden = true;
		byId("rename").focus();
	};
	on("rename", "click", () => {
		form.hidden = !form.hidden;
		name.value = detail?.display_name ?? "";
		name.select();
	});
	on("rename-form", "submit", async () => {
		await change(worker, (path) => call("patch", WORKER, { path, body: { display_name: name.value.trim() } }));
		close();
	});
	name.addEventListener("keydown", ({ key }) => key === "Escape" && close());
	on("stop", "click", () => {
		const text = "takes no messages afterwards. What was said can still be read.";
		return changeIf("Stop", "Stop this worker for good?", text, (path) => call("post", `${WORKER}/stop`, { path }));
	});
	on("delete", "click", () =>
		changeIf("Delete", "Delete this worker?", "and all that was said are gone afterwards.", (path) => {
			// Its events would be asked for, and be unknown.
			if (path === worker) location.hash = "";
			return call("delete", WORKER, { path });
		}));
}

/** @param {string} verb @param {string} title @param {string} text @param {Parameters<typeof change>[1]} act */
async function changeIf(verb, title, text, act) {
	// Another worker may be open by the answer.
	const asked = worker;
	if (await ask(title, `“${detail?.display_name}” ${text}`, `${verb} worker`)) await change(asked, act);
}

/** @param {WorkerId | null} id @param {(id: WorkerId) => Promise<{ data: WorkerDetail | null }>} act */
async function change(id, act) {
	if (!id) return;
	const { data: now } = await act(id);
	if (now && id === worker) show(now);
	refresh();
}
