// The list of workers, some pages of it, read again and again; and the runtimes above it.

import { call } from "./api.js";
import { byId, keepFocus, make, setText, update } from "./dom.js";
import { newLoop } from "./loop.js";
import { on } from "./notices.js";
import { timeText } from "./text.js";
import { wordsFor } from "./words.js";

const PAGE_WORKERS = 100;
/** Most shown at a time. Then the list begins anew. */
const SHOWN_MAX = 500;
const PAUSE_MS = 2_000;

/** @typedef {{ token: string | null, etag: string | null, data: Schemas["WorkerPage"] }} Page */
/** @type {Page[]} */
let pages = [];
/** The runtimes that workers can be made in. @type {RuntimeSummary[]} */
export let creating = [];
/** Where the list begins; `null` is the newest worker. @type {string | null} */
let start = null;
let wanted = PAGE_WORKERS;
/** Which page after the first is read again next. */
let turn = 1;
/** The worker that is open: each time another object, by which a late answer knows. @type {WorkerId | null} */
export let opened = null;
/** @type {(opened: WorkerSummary) => void} */
let listener = () => {};
/** @param {typeof listener} onOpened */
export const listen = (onOpened) => (listener = onOpened);
/** What is shown, by address. @type {Map<string, HTMLElement>} */
const items = new Map();

export const loop = newLoop(step, (error) => {
	reset();
	// The token of a page of another start of the server.
	if (error.problem?.code === "invalid_page_token") return 0;
	setText("list-note", wordsFor(error));
	return PAUSE_MS;
});

/** @param {WorkerId | null} id */
export function setOpened(id) {
	opened = id;
	if (pages.length) show(pages);
}

/** The address of a worker in the page. @param {WorkerId} worker */
export const keyOf = (worker) => `#/${encodeURIComponent(worker.runtime_id)}/${encodeURIComponent(worker.worker_id)}`;

const restart = () => {
	reset();
	loop.again();
};
on("filter", "input", restart);
on("state", "change", restart);
on("newest", "click", restart);
on("more", "click", () => {
	wanted += PAGE_WORKERS;
	if (wanted > SHOWN_MAX) {
		reset(pages.at(-1)?.data.next_page_token);
		byId("list-scroll").scrollTop = 0;
	}
	loop.again();
});

/** @param {string | null} [token] where the list begins */
function reset(token = null) {
	pages = [];
	start = token;
	wanted = PAGE_WORKERS;
	setText("list-note", "Loading workers …");
}

/** Reads the first page, one other, and those that begin elsewhere now. @param {AbortSignal} signal */
async function step(signal) {
	const state = byId("state").value;
	/** @type {Page[]} */
	const fresh = [];
	let isChanged = false;
	let found = 0;
	let token = start;
	do {
		const at = fresh.length;
		let page = pages[at]?.token === token ? pages[at] : undefined;
		if (!page || at === 0 || at === turn) {
			const query = { limit: PAGE_WORKERS, page_token: token, state };
			const headers = { "If-None-Match": page?.etag ?? "" };
			const { data, etag } = await call("get", "workers", { query, headers, signal });
			isChanged ||= Boolean(data);
			if (data) page = { token, etag, data };
		}
		if (!page) break;
		fresh.push(page);
		found += matching(page).length;
		token = page.data.next_page_token ?? null;
		// While the rest is searched.
		if (found > 0 && fresh.length > pages.length) show(fresh);
	} while (token && found < wanted);
	turn = turn + 1 < fresh.length ? turn + 1 : 1;
	pages = fresh;
	if (isChanged) show(pages);
	const { items: runtimes } = (await call("get", "runtimes", { signal })).data;
	creating = runtimes.filter(({ capabilities }) => capabilities.includes("create_worker"));
	update(byId("runtimes"), make("ul", {}, ...runtimes.map(newRuntime)));
	return PAUSE_MS;
}

/** Those whose name is asked for. @param {Page} page */
function matching({ data }) {
	const name = byId("filter").value.trim().toLowerCase();
	return data.items.filter((worker) => worker.display_name.toLowerCase().includes(name));
}

/** @param {Page[]} read */
function show(read) {
	const list = byId("workers");
	// One that moved meanwhile is in both pages.
	const workers = new Map(read.flatMap(matching).map((worker) => [keyOf(worker), worker]));
	keepFocus("workers", () => {
		for (const [key, item] of items) {
			if (workers.has(key)) continue;
			item.remove();
			items.delete(key);
		}
		[...workers].forEach(([key, worker], at) => {
			const fresh = newItem(key, worker);
			const item = items.get(key) ?? fresh;
			items.set(key, item);
			update(item, fresh);
			if (item !== list.children[at]) list.insertBefore(item, list.children[at] ?? null);
		});
		byId("more").hidden = !read.at(-1)?.data.next_page_token;
		byId("newest").hidden = start === null;
	});
	const current = opened && workers.get(keyOf(opened));
	if (current) listener(current);
	const notes = [...new Set(read.flatMap(({ data }) => data.diagnostics.map(({ message }) => message)))];
	setText("list-note", items.size + notes.length ? notes.join(" ") : "No such workers. Make one, or change the filters.");
}

/** @param {string} key @param {WorkerSummary} worker */
function newItem(key, worker) {
	const { display_name, state, profile, implementation_kind } = worker;
	const kind = state === "recorded" ? "read-only record" : implementation_kind;
	const activity = worker.last_activity_at ?? worker.created_at;
	const facts = [profile, kind, activity && timeText(activity)].filter(Boolean).join(" · ");
	const current = opened && keyOf(opened) === key ? "page" : "false";
	return make("li", {}, make("a", { href: key, "aria-current": current }, ...describe(display_name, state, facts)));
}

/** @param {RuntimeSummary} runtime */
function newRuntime({ display_name, status, models: [model], counts, diagnostics }) {
	const states = Object.entries(counts?.workers ?? {}).filter(([, count]) => count);
	const workers = states.map(([state, count]) => `${count} ${state}`).join(", ") || "no workers";
	const name = model && model.name + (model.offline ? " (repeats what it is told)" : "");
	const facts = name ? `${name} · ${workers}` : workers;
	return make("li", {}, ...describe(display_name, status, facts, ...diagnostics.map(({ message }) => message)));
}

/** @param {string} name @param {string} state @param {string[]} notes */
function describe(name, state, ...notes) {
	const paragraphs = notes.map((text) => make("p", { class: "note" }, text));
	return [make("bdi", {}, name), " ", make("span", { "data-state": state }, state), " ", ...paragraphs];
}
