namespace Lorikeet.Models.Files;

/// <summary>One tensor to be written to a GGUF file: what it is, and a delegate that writes its bytes, so that big models stream.</summary>
/// <param name="Name">The tensor's name; fewer than 64 bytes, or other tools refuse the file.</param>
/// <param name="TypeId">The number of its type, see <see cref="Kernels.BlockFormat.Id"/>.</param>
/// <param name="Extents">Its extents, fastest first; one to four.</param>
/// <param name="Write">Writes exactly the bytes of its rows.</param>
public sealed record GgufTensorToWrite(string Name, int TypeId, IReadOnlyList<long> Extents, Action<Stream> Write);
