// The list of workers: some pages of it, read again and again.

import { call } from "./api.js";
import { byId, input, make, select, setText } from "./dom.js";
import { Loop } from "./loop.js";
import { on } from "./notices.js";
import { readRuntimes } from "./runtimes.js";
import { timeText } from "./text.js";
import { wordsFor } from "./words.js";

const PAGE_WORKERS = 100;
/** Most shown at a time. Then the list begins anew. */
const SHOWN_MAX = 500;
const PAUSE_MS = 2_000;

/** @typedef {{ token: string | null, etag: string | null, data: Schemas["WorkerPage"] }} Page */
/** @type {Page[]} */
let pages = [];
/** Where the list begins; `null` is the newest worker. @type {string | null} */
let start = null;
let wanted = PAGE_WORKERS;
/** Which page after the first is read again next. */
let turn = 1;
let current = "";
/** What is shown, by address. @type {Map<string, HTMLElement>} */
const items = new Map();

const loop = new Loop(step, (error) => {
	reset();
	// The token of a page of another start of the server.
	if (error.problem?.code === "invalid_page_token") return 0;
	setText("list-note", wordsFor(error));
	return PAUSE_MS;
});

export const resume = () => loop.start();
export const suspend = () => loop.stop();
export const refresh = () => loop.soon();

/** @param {string} key which worker is open */
export function setCurrent(key) {
	current = key;
	if (pages.length) show(pages);
}

/** The address of a worker in the page. @param {WorkerId} worker */
export const keyOf = (worker) => `#/${encodeURIComponent(worker.runtime_id)}/${encodeURIComponent(worker.worker_id)}`;

export function listen() {
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
}

/** @param {string | null} [token] where the list begins */
function reset(token = null) {
	pages = [];
	start = token;
	wanted = PAGE_WORKERS;
	setText("list-note", "Loading workers …");
}

/** Reads the first page, one other, and those that begin elsewhere now. @param {AbortSignal} signal */
async function step(signal) {
	const state = select("state").value;
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
	await readRuntimes(signal);
	return PAUSE_MS;
}

/** Those whose name is asked for. @param {Page} page */
function matching({ data }) {
	const name = input("filter").value.trim().toLowerCase();
	return data.items.filter((worker) => worker.display_name.toLowerCase().includes(name));
}

/** @param {Page[]} read */
function show(read) {
	const list = byId("workers");
	const gone = new Map(items);
	let next = list.firstElementChild;
	for (const worker of read.flatMap(matching)) {
		const key = keyOf(worker);
		// One that moved meanwhile is in both pages.
		if (items.has(key) && !gone.delete(key)) continue;
		const item = items.get(key) ?? make("li", {}, make("a", { href: key }));
		items.set(key, item);
		describe(/** @type {Element} */ (item.firstChild), worker, key === current);
		if (item === next) next = next.nextElementSibling;
		else list.insertBefore(item, next);
	}
	for (const [key, item] of gone) {
		item.remove();
		items.delete(key);
	}
	const notes = new Set(read.flatMap(({ data }) => data.diagnostics.map(({ message }) => message)));
	setText("list-note", [items.size ? "" : "No such workers. Make one, or change the filters.", ...notes].join(" ").trim());
	byId("more").hidden = !read.at(-1)?.data.next_page_token;
	byId("newest").hidden = start === null;
}

/** @param {Element} link @param {WorkerSummary} worker @param {boolean} isCurrent */
function describe(link, worker, isCurrent) {
	const { display_name, state, profile, implementation_kind } = worker;
	const kind = state === "recorded" ? "read-only record" : implementation_kind;
	const activity = worker.last_activity_at ?? worker.created_at;
	const facts = [profile, kind, activity && timeText(activity)].filter(Boolean).join(" · ");
	link.replaceChildren(
		make("bdi", {}, display_name), " ", make("span", { "data-state": state }, state), " ",
		make("span", { class: "note" }, facts),
	);
	link.ariaCurrent = isCurrent ? "page" : null;
}
