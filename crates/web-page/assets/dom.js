// Making and changing elements. Text is set as text, never as markup.

/** The element of the document with this id. @param {string} id @returns {HTMLElement} */
export function byId(id) {
	const found = document.getElementById(id);
	if (!found) throw new Error(`no element ${id}`);
	return found;
}

/**
 * The element with this id, which is of this kind.
 * @template {HTMLElement} T
 * @param {string} id @param {new () => T} kind @returns {T}
 */
export function elementOf(id, kind) {
	const found = byId(id);
	if (!(found instanceof kind)) throw new Error(`${id} is another element`);
	return found;
}

/** @param {string} id */
export const button = (id) => elementOf(id, HTMLButtonElement);
/** @param {string} id */
export const input = (id) => elementOf(id, HTMLInputElement);
/** @param {string} id */
export const select = (id) => elementOf(id, HTMLSelectElement);

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
	element.append(...children);
	return element;
}

/** A button that does not submit. @param {string} text @param {string} label its accessible name @param {() => void} act */
export function quietButton(text, label, act) {
	const made = make("button", { type: "button", class: "quiet" }, text);
	if (label !== text) made.setAttribute("aria-label", label);
	made.addEventListener("click", act);
	return made;
}

/**
 * Sets the text of an element that has another one: what is the same keeps selection and focus.
 * @param {Element} element @param {string} text
 */
export function setText(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

/**
 * Fills a menu, and keeps what is chosen.
 * @param {HTMLSelectElement} menu @param {Array<[value: string, text: string]>} options
 */
export function setOptions(menu, options) {
	const chosen = menu.value;
	menu.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
	if (options.some(([value]) => value === chosen)) menu.value = chosen;
}
