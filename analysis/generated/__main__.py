"""Write every generated file anew."""

from __future__ import annotations

from analysis.generated.files import generated_files


def main() -> None:
    """Write what differs."""
    for path, text in generated_files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
