namespace Lorikeet.Models.Files;

/// <summary>Refuses Python pickles: reading one runs whatever code it holds.</summary>
internal static class PickleFiles
{
    private static readonly string[] Extensions = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

    public static bool IsPickle(string path) => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether bytes are those of a pickle, old or (as torch.save writes them now) in a zip: the ninth byte of a safetensors file, whose length may begin alike, is a brace.</summary>
    public static bool IsPickle(ReadOnlySpan<byte> file) =>
        (file.StartsWith("PK"u8) || (file.Length > 1 && file[0] == 0x80 && file[1] is >= 2 and <= 5)) && (file.Length < 9 || file[8] != (byte)'{');

    /// <summary>The first file of a folder whose name says weights in a pickle; null where there is none.</summary>
    public static string? FindIn(string folder) =>
        Directory.EnumerateFiles(folder).Where(IsPickle).Where(f => Path.GetFileName(f) != "training_args.bin").Order(StringComparer.Ordinal).FirstOrDefault();

    public static BadFileException Refuse(string path) =>
        new($"{path} is a pickle and can run code when it is read; expected safetensors. Convert it where it was made: "
            + "model.save_pretrained(folder, safe_serialization=True), or python -c \"import torch; from safetensors.torch import save_file; "
            + $"save_file(torch.load('{Path.GetFileName(path)}', weights_only=True), 'model.safetensors')\".");
}
