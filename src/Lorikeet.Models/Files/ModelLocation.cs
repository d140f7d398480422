namespace Lorikeet.Models.Files;

/// <summary>Finds the folder or file that a model's name means.</summary>
public static class ModelLocation
{
    /// <summary>A folder or a GGUF file as it is, else <c>starter</c> beside the program, else <c>org/name</c> in the local Hugging Face cache; nothing is downloaded.</summary>
    /// <param name="model">A folder, a GGUF file, <c>starter</c>, or a name such as <c>org/name</c>.</param>
    /// <returns>The full path of an existing folder, or of a GGUF file.</returns>
    /// <exception cref="BadFileException">None exists (the message names what was tried), or the file is of another kind.</exception>
    public static string Resolve(string model) => Resolve(model, Environment.GetEnvironmentVariable);

    internal static string Resolve(string model, Func<string, string?> environment)
    {
        if (string.IsNullOrWhiteSpace(model) || model.Contains('\0', StringComparison.Ordinal))
        {
            throw new BadFileException("the model's name is empty; expected a folder, a GGUF file or org/name.");
        }
        model = BundledFolder.Resolve(model);
        if (Directory.Exists(model))
        {
            return Path.GetFullPath(model);
        }
        if (GgufFile.Is(model))
        {
            return Path.GetFullPath(model);
        }
        if (File.Exists(model))
        {
            throw PickleFiles.IsPickle(model)
                ? PickleFiles.Refuse(model)
                : new BadFileException($"{model} is a file and not GGUF; expected the folder that holds config.json and model.safetensors, or a GGUF file.");
        }
        if (!IsHubName(model))
        {
            throw new BadFileException($"{model} is no folder and no name of the form org/name; expected one of the two.");
        }
        string cache = CacheFolder(environment);
        string repository = Path.Combine(cache, "models--" + model.Replace("/", "--", StringComparison.Ordinal));
        string reference = Path.Combine(repository, "refs", "main");
        if (!File.Exists(reference))
        {
            throw new BadFileException($"{model} is no folder, and the Hugging Face cache has no {reference}. "
                + $"Give the model's folder, or fetch it first with: hf download {model}");
        }
        string revision = ReadReference(reference);
        string snapshot = Path.Combine(repository, "snapshots", revision);
        return Directory.Exists(snapshot)
            ? Path.GetFullPath(snapshot)
            : throw new BadFileException($"{reference} names the snapshot {revision}, but {snapshot} is not there. Fetch it again with: hf download {model}");
    }

    private static string ReadReference(string path)
    {
        try
        {
            using StreamReader reader = new(path);
            char[] buffer = new char[256];
            int count = reader.ReadBlock(buffer);
            string revision = new string(buffer, 0, count).Trim();
            return count < buffer.Length && IsNamePart(revision)
                ? revision
                : throw new BadFileException($"{path} does not hold the name of a snapshot; expected a commit's hash.");
        }
        catch (Exception e) when (e is IOException and not BadFileException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }

    // The order of huggingface_hub: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
    private static string CacheFolder(Func<string, string?> environment)
    {
        if (environment("HF_HUB_CACHE") is { Length: > 0 } cache)
        {
            return cache;
        }
        if (environment("HF_HOME") is { Length: > 0 } home)
        {
            return Path.Combine(home, "hub");
        }
        string user = environment("XDG_CACHE_HOME") is { Length: > 0 } xdg
            ? xdg
            : Path.Combine(environment("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(user, "huggingface", "hub");
    }

    private static bool IsHubName(string model)
    {
        string[] parts = model.Split('/');
        return parts.Length <= 2 && parts.All(IsNamePart);
    }

    private static bool IsNamePart(string part) =>
        part.Length is > 0 and <= 128 && part[0] != '.' && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
        && !part.Contains("..", StringComparison.Ordinal);
}
