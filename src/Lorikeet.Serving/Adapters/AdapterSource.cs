using Lorikeet.Adapters;
using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>Where an adapter's numbers come from when it is needed.</summary>
public abstract class AdapterSource
{
    /// <summary>An adapter folder in PEFT's format, or a GGUF file.</summary>
    /// <param name="path">The folder or file; it is opened when the adapter is first needed, and again after it was thrown out.</param>
    public static AdapterSource Folder(string path) => new FolderSource(path);

    /// <summary>Where that is, for messages.</summary>
    public abstract string Place { get; }

    /// <summary>Bytes of memory that the adapter will take, as far as can be said before it is read.</summary>
    /// <exception cref="IOException">It is not there.</exception>
    public abstract long EstimateBytes();

    /// <summary>Reads the adapter; called on a thread of the engine's loader, for several adapters at once.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="model">The model it is for.</param>
    /// <param name="factors">How its low-rank factors will be kept; what comes sealed has them so.</param>
    /// <exception cref="IOException">The files are absent or wrong.</exception>
    /// <exception cref="NotSupportedException">The adapter's method is not built.</exception>
    public abstract Adapter Read(string name, LanguageModel model, FactorStorage factors);

    private sealed class FolderSource(string path) : AdapterSource
    {
        private readonly string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

        public override string Place => path;

        // Files hold two bytes a number or four; what serves holds as many.
        public override long EstimateBytes() => new FileInfo(File.Exists(path) ? path : Path.Combine(path, AdapterFolder.WeightsName)) is { Exists: true } file ? file.Length : 0;

        public override Adapter Read(string name, LanguageModel model, FactorStorage factors) => AdapterFolder.LoadSealed(path, model, name, factors);
    }
}
