// What stands around a conversation: the worker's name and state, and what can be done with it.

import { WORKER, call } from "./api.js";
import * as composer from "./composer.js";
import { ask } from "./dialogs.js";
import { byId, isComposing, keepFocus, setText } from "./dom.js";
import { on } from "./notices.js";
import { mayOperate } from "./session.js";
import { endWords } from "./words.js";
import { loop as list, opened } from "./worker-list.js";

/** @type {WorkerDetail | null} */
let detail = null;

/** @param {Schemas["Capability"]} capability */
export const can = (capability) =>
	(mayOperate || capability === "read_transcript") && Boolean(detail?.capabilities.includes(capability));

export function open() {
	byId("worker").hidden = !opened;
	byId("nothing-open").hidden = opened !== null;
	byId("rename-form").hidden = true;
	composer.open();
	describe(null, "…");
	byId("composer").hidden = true;
}

export const showGone = () => keepFocus("log", () => describe(null, "No such worker"));

/** Somebody else may have renamed it. @param {WorkerSummary} now */
export function showName({ display_name }) {
	if (detail && detail.display_name !== display_name) describe({ ...detail, display_name });
}

/** @param {WorkerDetail} now */
export function show(now) {
	const isFirst = !detail;
	keepFocus("log", () => describe(now));
	showState(now.state, now.active_run);
	// Not where it would raise a keyboard over half of the screen.
	if (isFirst && can("send_input") && matchMedia("(pointer: fine)").matches) byId("message").focus();
}

/** @param {WorkerDetail | null} now */
function describe(now, name = now?.display_name ?? "") {
	detail = now;
	setText("worker-name", name);
	document.title = now ? `${name} – yoi` : "yoi";
	byId("worker-state").hidden = !now;
	setText("status-line", now ? statusText(now) : "");
	byId("record").hidden = now?.state !== "recorded";
	byId("log").hidden = now !== null && !can("read_transcript");
	for (const verb of /** @type {const} */ (["rename", "stop", "delete"])) byId(verb).hidden = !can(`${verb}_worker`);
	composer.setCanSend(can("send_input"));
}

/** @param {WorkerState} state @param {string | null} [run] */
export function showState(state, run) {
	setText("worker-state", state);
	byId("worker-state").dataset.state = state;
	keepFocus("log", () => composer.setRun(["queued", "running", "cancelling"].includes(state) ? run ?? "" : null));
}

/** @param {WorkerDetail} now */
function statusText({ conversation, diagnostics, model, profile }) {
	const { usage, last_run: last } = conversation ?? {};
	const tokens = last && usage?.output_tokens !== undefined && `${usage.input_tokens ?? "?"} tokens in, ${usage.output_tokens} out`;
	const outcome = last && (endWords(last) || "last reply completed");
	return [model, profile, tokens, outcome, ...diagnostics.map(({ message }) => message)].filter(Boolean).join(" · ");
}

const form = byId("rename-form");
const name = byId("rename-name");
const close = () => keepFocus("rename", () => (form.hidden = true));
on("rename", "click", () => {
	form.hidden = !form.hidden;
	name.value = detail?.display_name ?? "";
	name.select();
});
on("rename-form", "submit", async () => {
	const renamed = opened;
	await change(renamed, (path) => call("patch", WORKER, { path, body: { display_name: name.value.trim() } }));
	if (renamed === opened) close();
});
name.addEventListener("keydown", (event) => event.key === "Escape" && !isComposing(event) && close());
on("stop", "click", () =>
	changeIf("Stop", "takes no messages afterwards. What was said can still be read.", (path) =>
		call("post", `${WORKER}/stop`, { path })));
on("delete", "click", () =>
	changeIf("Delete", "and all that was said are gone afterwards.", (path) => {
		// Its events would be asked for, and be unknown.
		if (path === opened) location.hash = "";
		return call("delete", WORKER, { path });
	}));

/** @param {string} verb @param {string} text @param {Parameters<typeof change>[1]} act */
async function changeIf(verb, text, act) {
	// Another worker may be open by the answer.
	const asked = opened;
	if (await ask(verb, `“${detail?.display_name}” ${text}`)) await change(asked, act);
}

/** @param {WorkerId | null} id @param {(id: WorkerId) => Promise<{ data: WorkerDetail | null }>} act */
async function change(id, act) {
	if (!id) return;
	const { data: now } = await act(id);
	if (now && id === opened) show(now);
	// Not with an answer from before the change.
	list.again();
}
