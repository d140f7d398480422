type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: never) => void)>;

const svgNames = new Set(['svg', 'path', 'line', 'circle', 'rect', 'title']);

/** Makes an element. Attributes that are functions become listeners, `false` and `null` are left out. */
export function el<K extends keyof HTMLElementTagNameMap>(name: K, attributes?: Attributes, ...children: Child[]): HTMLElementTagNameMap[K];
export function el(name: string, attributes?: Attributes, ...children: Child[]): Element;
export function el(name: string, attributes: Attributes = {}, ...children: Child[]): Element {
  const made = svgNames.has(name) ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      made.addEventListener(key, value as EventListener);
    } else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(key, value === true ? '' : String(value));
    }
  }
  made.append(...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false));
  return made;
}

/** Sets a text only where it differs: selections and screen readers are left in peace. */
export function say(node: Element, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}
