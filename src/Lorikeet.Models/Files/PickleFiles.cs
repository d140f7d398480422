namespace Lorikeet.Models.Files;

/// <summary>Refuses Python pickles: reading one runs whatever code it holds.</summary>
internal static class PickleFiles
{
    private static readonly string[] Extensions = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

    public static bool IsPickle(string path) => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>The first file of a folder whose name says weights in a pickle; null where there is none.</summary>
    public static string? FindIn(string folder) =>
        Directory.EnumerateFiles(folder).Where(IsPickle).Where(f => Path.GetFileName(f) != "training_args.bin").Order(StringComparer.Ordinal).FirstOrDefault();

    public static BadFileException Refuse(string path) =>
        new($"{path} is a pickle and can run code when it is read; expected safetensors. Convert it where it was made: "
            + "model.save_pretrained(folder, safe_serialization=True), or python -c \"import torch; from safetensors.torch import save_file; "
            + $"save_file(torch.load('{Path.GetFileName(path)}', weights_only=True), 'model.safetensors')\".");
}
