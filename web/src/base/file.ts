// Reads a chosen or dropped file as text: not larger than the vault takes, and nothing that is no text.
const BYTES = 64 * 1024;

export type Handed = { text: string } | { text: null; why: 'note.file-large' | 'note.file-binary' };

export async function readText(file: File): Promise<Handed> {
  if (file.size > BYTES) return { text: null, why: 'note.file-large' };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer()) };
  } catch {
    return { text: null, why: 'note.file-binary' };
  }
}

/** For an element that files may be dropped on; other things are dropped as usual. */
export function onDrop(take: (file: File) => void): (event: DragEvent) => void {
  return (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    take(file);
  };
}
