// <copy-text data-text="…">: a button that copies that text, or what is in the block beside it.
class CopyText extends HTMLElement {
  connectedCallback() {
    if (this.firstChild || !navigator.clipboard) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      const text = this.dataset.text ?? this.parentElement.querySelector("pre").textContent;
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    this.append(button);
  }
}
customElements.define("copy-text", CopyText);
