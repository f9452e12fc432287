// Reads a chosen or dropped file as text. It refuses files that are larger than the vault's limit, and binary files.
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

/** Handles dropped files. Other drops keep their default behaviour. */
export function onDrop(take: (file: File) => void): (event: DragEvent) => void {
  return (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    take(file);
  };
}
