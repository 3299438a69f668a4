// What the page says by itself: troubles, which stay, and news, which pass.

import { byId, make, quietButton } from "./dom.js";

/** How long what passes is shown, in milliseconds: long enough to read two lines. */
const SHOWN_MS = 6_000;
/** Most at a time; the oldest goes. */
const NOTICES_MAX = 4;

/**
 * Says something. A trouble is an `alert` and stays until it is dismissed; the same is said once.
 * @param {string} text @param {"trouble" | "passing"} [kind]
 */
export function notify(text, kind = "trouble") {
	const list = byId("notices");
	for (const shown of list.children) {
		if (shown.querySelector("p")?.textContent === text) shown.remove();
	}
	const notice = make("div", { role: kind === "trouble" ? "alert" : "status" }, make("p", {}, text));
	if (kind === "trouble") {
		notice.append(quietButton("Dismiss", "Dismiss", () => notice.remove()));
	} else {
		notice.setAttribute("aria-label", "News");
		setTimeout(() => notice.remove(), SHOWN_MS);
	}
	list.append(notice);
	if (list.children.length > NOTICES_MAX) list.firstElementChild?.remove();
}

/** Nothing of what was said matters any more. */
export function clearTroubles() {
	for (const shown of [...byId("notices").children]) {
		if (shown.getAttribute("role") === "alert") shown.remove();
	}
}
